"""Who may do what in a Postgres database that marts are published to, as SQL for its administrator.

Groups only: people and programs get logins of their own, which are made members. The script
may be run again at any time, and has to be after a mart that a rule on rows is about was added.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from inventory_platform.publishing.postgres_tables import META, META_TABLES

DEFAULT_ROW_RULES = ("location_id",)
PERSONAL_SCHEMA = "personal"
"""Schema of clear personal values in a database."""

_SCRIPT = Template("""\
-- Run by an administrator of the database, for example: inventory postgres-roles NAME | psql …
-- It can be repeated. Roles are groups: `create role anna login; grant ${prefix}_reporter to anna;`

do $$$$
declare role text;
begin
    foreach role in array array[${roles}] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I nologin', role);
        end if;
        execute format('grant connect on database %I to %I', current_database(), role);
    end loop;
    if not pg_has_role(current_user, '${prefix}_owner', 'member') then
        execute 'grant ${prefix}_owner to current_user';
    end if;
    -- Nobody gets in, or writes somewhere, only because there is a database.
    execute format('revoke all on database %I from public', current_database());
    -- Where rules on rows hold, rows come by way of a temporary table.
    execute format('grant temporary on database %I to ${prefix}_loader', current_database());
end $$$$;
revoke all on schema public from public;

-- The owner creates and changes tables.
create schema if not exists ${schema} authorization ${prefix}_owner;
create schema if not exists ${meta} authorization ${prefix}_owner;
revoke all on schema ${schema}, ${meta} from public;
${own_tables}
create table if not exists ${meta}.location_access (
    role_name text, location_id text, primary key (role_name, location_id));
alter table ${meta}.location_access owner to ${prefix}_owner;
grant usage on schema ${schema}, ${meta}
    to ${prefix}_loader, ${prefix}_transformer, ${prefix}_reporter;
grant select on ${meta}.publications
    to ${prefix}_loader, ${prefix}_transformer, ${prefix}_reporter;

-- The loader replaces rows, and can create, change and drop nothing.
grant select, insert, delete on all tables in schema ${schema} to ${prefix}_loader;
grant select, insert, delete on ${meta}.publications, ${meta}.parts to ${prefix}_loader;
alter default privileges for role ${prefix}_owner in schema ${schema}
    grant select, insert, delete on tables to ${prefix}_loader;

-- The transformer reads everything, and makes tables of its own in a schema of its own.
create schema if not exists ${schema}_work authorization ${prefix}_transformer;
revoke all on schema ${schema}_work from public;
grant select on all tables in schema ${schema} to ${prefix}_transformer;
alter default privileges for role ${prefix}_owner in schema ${schema}
    grant select on tables to ${prefix}_transformer;

-- The reporter reads everything.
grant select on all tables in schema ${schema} to ${prefix}_reporter;
alter default privileges for role ${prefix}_owner in schema ${schema}
    grant select on tables to ${prefix}_reporter;

-- Clear personal values have a schema of their own. The personal reader, and no other reader,
-- sees them.
create schema if not exists ${personal} authorization ${prefix}_owner;
revoke all on schema ${personal} from public, ${prefix}_transformer, ${prefix}_reporter;
grant usage on schema ${personal} to ${prefix}_loader, ${prefix}_personal_reader;
grant select, insert, delete on all tables in schema ${personal} to ${prefix}_loader;
grant select on all tables in schema ${personal} to ${prefix}_personal_reader;
alter default privileges for role ${prefix}_owner in schema ${personal}
    grant select, insert, delete on tables to ${prefix}_loader;
alter default privileges for role ${prefix}_owner in schema ${personal}
    grant select on tables to ${prefix}_personal_reader;
${row_rules}""")

_ROW_RULE = Template("""
-- The ${name} reporter reads marts with the column ${column}, and of these the rows of the values
-- that ${meta}.${name}_access names for the login; totals over all of them it does not see.
create table if not exists ${meta}.${name}_access (
    role_name text, ${column} text, primary key (role_name, ${column}));
alter table ${meta}.${name}_access owner to ${prefix}_owner;
grant usage on schema ${schema}, ${meta} to ${prefix}_${name}_reporter;
grant select on ${meta}.publications to ${prefix}_${name}_reporter;
alter table ${meta}.${name}_access enable row level security;
drop policy if exists own_rows on ${meta}.${name}_access;
create policy own_rows on ${meta}.${name}_access
    for select to ${prefix}_${name}_reporter using (role_name = current_user);
grant select on ${meta}.${name}_access to ${prefix}_${name}_reporter;
do $$$$
declare mart regclass;
begin
    for mart in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = '${schema}'::regnamespace and c.relkind in ('r', 'p')
            and a.attname = '${column}' and not a.attisdropped
    loop
        execute format('alter table %s enable row level security', mart);
        execute format('drop policy if exists all_rows on %s', mart);
        execute format('create policy all_rows on %s to ${prefix}_loader, ${prefix}_transformer, '
            '${prefix}_reporter using (true) with check (true)', mart);
        execute format('drop policy if exists own_${name}s on %s', mart);
        execute format('create policy own_${name}s on %s for select '
            'to ${prefix}_${name}_reporter using (${column}::text in (select ${column} '
            'from ${meta}.${name}_access where role_name = current_user))', mart);
        execute format('grant select on %s to ${prefix}_${name}_reporter', mart);
    end loop;
end $$$$;
""")


def rule_name(column: str) -> str:
    """What role and table of a rule on rows are called after: `location` for `location_id`."""
    return column.removesuffix("_id")


def roles_sql(
    schema: str,
    prefix: str,
    *,
    row_rules: Sequence[str] = DEFAULT_ROW_RULES,
) -> str:
    """The script that creates roles, schemas, rights and row-level rules.

    Args:
        schema: Schema the marts are published in.
        prefix: What the names of the roles begin with.
        row_rules: Columns of marts; for each a role whose logins see the rows of certain values.
    """
    own = "\n".join(
        f"{sql.replace('create table', 'create table if not exists', 1)};\n"
        f"alter table {META}.{name} owner to {prefix}_owner;"
        for name, sql in META_TABLES.items()
    )
    names = {"schema": schema, "meta": META, "prefix": prefix}
    rules = [_ROW_RULE.substitute(names, column=c, name=rule_name(c)) for c in row_rules]
    roles = ("owner", "loader", "transformer", "reporter", "personal_reader")
    listed = [*roles, *(f"{rule_name(column)}_reporter" for column in row_rules)]
    return _SCRIPT.substitute(
        names,
        personal=PERSONAL_SCHEMA,
        roles=", ".join(f"'{prefix}_{role}'" for role in listed),
        own_tables=own,
        row_rules="".join(rules),
    )
