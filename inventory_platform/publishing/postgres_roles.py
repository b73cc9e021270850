"""Who may do what in a Postgres database that marts are published to, as SQL for its administrator.

Groups only: people and programs get logins of their own, which are made members. The script
may be run again at any time, and has to be after a mart with locations was added.
"""

from __future__ import annotations

from string import Template

from inventory_platform.publishing.postgres_tables import META, META_TABLES

_SCRIPT = Template("""\
-- Run by an administrator of the database, for example: inventory postgres-roles NAME | psql …
-- It can be repeated. Roles are groups: `create role anna login; grant ${prefix}_reporter to anna;`

do $$$$
declare role text;
begin
    foreach role in array array['${prefix}_owner', '${prefix}_loader', '${prefix}_transformer',
                                '${prefix}_reporter', '${prefix}_location_reporter'] loop
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
    to ${prefix}_loader, ${prefix}_transformer, ${prefix}_reporter, ${prefix}_location_reporter;
grant select on ${meta}.publications
    to ${prefix}_loader, ${prefix}_transformer, ${prefix}_reporter, ${prefix}_location_reporter;

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

-- The location reporter reads marts with a location, and of these the rows of the locations that
-- ${meta}.location_access names for the login; totals over all locations it does not see.
alter table ${meta}.location_access enable row level security;
drop policy if exists own_rows on ${meta}.location_access;
create policy own_rows on ${meta}.location_access
    for select to ${prefix}_location_reporter using (role_name = current_user);
grant select on ${meta}.location_access to ${prefix}_location_reporter;
do $$$$
declare mart regclass;
begin
    for mart in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = '${schema}'::regnamespace and c.relkind in ('r', 'p')
            and a.attname = 'location_id' and not a.attisdropped
    loop
        execute format('alter table %s enable row level security', mart);
        execute format('drop policy if exists all_rows on %s', mart);
        execute format('create policy all_rows on %s to ${prefix}_loader, ${prefix}_transformer, '
            '${prefix}_reporter using (true) with check (true)', mart);
        execute format('drop policy if exists own_locations on %s', mart);
        execute format('create policy own_locations on %s for select '
            'to ${prefix}_location_reporter using (location_id in (select location_id '
            'from ${meta}.location_access where role_name = current_user))', mart);
        execute format('grant select on %s to ${prefix}_location_reporter', mart);
    end loop;
end $$$$;
""")


def roles_sql(schema: str, prefix: str) -> str:
    """The script that creates roles, schemas, rights and row-level rules.

    Args:
        schema: Schema the marts are published in.
        prefix: What the names of the roles begin with.
    """
    own = "\n".join(
        f"{sql.replace('create table', 'create table if not exists', 1)};\n"
        f"alter table {META}.{name} owner to {prefix}_owner;"
        for name, sql in META_TABLES.items()
    )
    return _SCRIPT.substitute(schema=schema, meta=META, prefix=prefix, own_tables=own)
