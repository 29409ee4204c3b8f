"""Agreement with libraries that others wrote; prints the table of docs/agreement.md.

    pip install '.[peers]'
    python tests/agreement

Each comparison is exhaustive over the codes or the BF16 words of a format, or over random blocks.
Where a library follows another rule than docs/numerics.md, the comparison says in advance which
values this touches: ``by rule`` counts those that differ so, ``unexplained`` all that differ where
no rule says so, or agree where one does not let them. It has to be 0.
"""

from table import main

if __name__ == "__main__":
    main()
