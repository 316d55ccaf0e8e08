"""A program between a service and its store that goes wrong as it is told: PORT HOST PORT, then one fault per line.

"pass" hands everything on, "slow" only after half a second, "hang" not at all, "reset" breaks every connection and each
new one, "refuse" takes no connections and breaks those there are. What hung goes on when it passes again.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

SLOW_SECONDS = 0.5
ABORT = struct.pack("ii", 1, 0)


class FaultProxy:
    """Connections from a port to a server."""

    def __init__(self, port: int, target: tuple[str, int]) -> None:
        self._port = port
        self._target = target
        self._fault = "pass"
        self._passing = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def run(self) -> None:
        """Follow standard input until its end."""
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        await self._set("pass")
        print("ready", flush=True)
        while line := await lines.readline():
            await self._set(line.decode().strip())
            print("done", flush=True)

    async def _set(self, fault: str) -> None:
        self._fault = fault
        if fault == "hang":
            self._passing.clear()
        else:
            self._passing.set()
        if fault in ("reset", "refuse"):
            for writer in list(self._writers):
                _abort(writer)
        if fault == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        elif fault != "refuse" and self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault == "reset":
            _abort(writer)
            return
        away: asyncio.StreamWriter | None = None
        try:
            back, away = await asyncio.open_connection(*self._target)
            self._writers |= {writer, away}
            await asyncio.gather(self._pump(reader, away), self._pump(back, writer))
        except OSError:
            pass
        finally:
            for one in (writer, away):
                if one is not None:
                    self._writers.discard(one)
                    one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._passing.wait()
            if self._fault == "slow":
                await asyncio.sleep(SLOW_SECONDS)
            writer.write(data)
            await writer.drain()
        writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()


if __name__ == "__main__":
    asyncio.run(FaultProxy(int(sys.argv[1]), (sys.argv[2], int(sys.argv[3]))).run())
