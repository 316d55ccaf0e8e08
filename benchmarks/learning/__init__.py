"""Quality of learning on open data, beside what people would otherwise use.

    ./run bench learning                                          everything, and the page
    ./run bench learning --only mixture --sets coupon,optdigits   one model on some sets, in seconds; the others' rows
                                                                  come from the cache where they were run before
Figures of earlier runs are kept in a cache (--cache FOLDER) until the code or the data they came from change.
"""
