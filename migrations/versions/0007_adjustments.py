"""The factor by which a dividend restated adjusted closes, in place of a copy of every bar."""

from alembic import op
import sqlalchemy as sa

from app.core.db import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adjustment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(length=20), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("factor", sa.Float(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["symbol"], ["symbol.symbol"], name=op.f("fk_adjustment_symbol_symbol")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
    )
    op.create_index("ix_adjustment_symbol_replaced_at", "adjustment", ["symbol", "replaced_at"])


def downgrade() -> None:
    op.drop_index("ix_adjustment_symbol_replaced_at", "adjustment")
    op.drop_table("adjustment")
