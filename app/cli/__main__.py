"""`python -m app.cli` is `nextclose`."""

from app.cli import main

if __name__ == "__main__":
    main()
