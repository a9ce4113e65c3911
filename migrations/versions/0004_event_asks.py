"""event asks.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import app.core.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('event_ask',
    sa.Column('symbol', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('past_at', app.core.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('coming_at', app.core.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('tried_at', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('detail', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('symbol', name=op.f('pk_event_ask'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('event_ask')
