"""stopping and keys.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column('job_run', sa.Column('stopping', sa.String(length=10), nullable=True))
    op.create_table('job_key',
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('key', sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
    sa.Column('run_id', sqlmodel.sql.sqltypes.AutoString(length=26), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['job_run.id'], name=op.f('fk_job_key_run_id_job_run')),
    sa.PrimaryKeyConstraint('kind', 'key', name=op.f('pk_job_key'))
    )
    op.create_index('ix_job_key_run_id', 'job_key', ['run_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index('ix_job_key_run_id', table_name='job_key')
    op.drop_table('job_key')
    op.drop_column('job_run', 'stopping')
