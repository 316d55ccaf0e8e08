"""Can what happens without an action be learned, where a project withholds or ranks by it?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes

__all__ = ["check_withholding"]

FILE = "control_groups.yaml"


def check_withholding(notes: Notes) -> None:
    """Check that somebody is shown nothing where scores are incremental, and that their silence counts everywhere."""
    project = notes.project
    is_read = FILE not in notes.gaps.files and not any(file == FILE for file, _ in notes.gaps.names)
    if project.settings.score == "incremental" and is_read and not project.withholds:
        message = "no control group is shown nothing, so nobody learns what happens without an action"
        remedy = f"add a group with 'choose: withhold' to {FILE}, or leave score out"
        notes.report("project.yaml", ["score"], message, remedy, "nothing-withheld")
    for name, group in project.control_groups.items():
        if group.choose == "withhold":
            _check_silence(notes, name)
            return


def _check_silence(notes: Notes, group: str) -> None:
    """Report channels where only those would be heard of who do what nobody offered them."""
    for name, channel in notes.project.channels.items():
        silent = [
            action
            for action, section in notes.project.actions.items()
            if section.treatments.get(name) and name not in section.response_windows
        ]
        if channel.response_window is None and silent:
            message = f"channel '{name}' has no response window, so silence about what is withheld there never counts"
            remedy = f"give the channel a response_window, or the action '{min(silent)}' and all others there"
            notes.report(FILE, [group, "choose"], message, remedy, "silence-unheard")
