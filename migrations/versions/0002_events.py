"""events.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import app.core.db

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('symbol', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('date', sa.Date(), nullable=False),
    sa.Column('timing', sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
    sa.Column('source', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('known_at', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('first_seen', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_seen', app.core.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', app.core.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event'))
    )
    with op.batch_alter_table('event', schema=None) as batch_op:
        batch_op.create_index('ix_event_symbol_date', ['symbol', 'date'], unique=False)
        batch_op.create_index('ix_event_ended_at', ['ended_at'], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('event', schema=None) as batch_op:
        batch_op.drop_index('ix_event_ended_at')
        batch_op.drop_index('ix_event_symbol_date')

    op.drop_table('event')
