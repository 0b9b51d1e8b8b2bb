create table import (
  tenant uuid not null,
  id uuid not null,
  kind text not null check (kind in ('org-units', 'positions', 'employees', 'job-history')),
  state text not null default 'created' check (
    state in ('created', 'uploaded', 'queued', 'running', 'validated', 'completed', 'failed', 'cancelled')),
  dry_run boolean not null,
  mapping jsonb not null,
  options jsonb not null,
  -- Who started it: changes are audited in this name.
  account text not null,
  client text not null,
  file_bytes bigint,
  file_digest text,
  ignored_columns text[] not null default '{}',
  -- Where the work stands; it goes on from here after a crash.
  phase text not null default 'index' check (phase in ('index', 'apply', 'link', 'done')),
  records_done bigint not null default 0,
  bytes_read bigint not null default 0,
  rows bigint not null default 0,
  created bigint not null default 0,
  changed bigint not null default 0,
  unchanged bigint not null default 0,
  skipped bigint not null default 0,
  failed bigint not null default 0,
  warnings bigint not null default 0,
  failure_rule text,
  failure_detail text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  version bigint not null default 1,
  primary key (tenant, id)
);

-- The uploaded file in pieces; gone once the import has ended.
create table import_chunk (
  tenant uuid not null,
  import_id uuid not null,
  number int not null,
  content bytea not null,
  primary key (tenant, import_id, number),
  foreign key (tenant, import_id) references import (tenant, id)
);
-- CSV compresses to little worth the time; pieces are read once.
alter table import_chunk alter column content set storage external;

-- Which row of the file is about whom, and whom it names as superior: superiors may stand below in the file.
create table import_key (
  tenant uuid not null,
  import_id uuid not null,
  key text not null,
  line int not null,
  parent_key text,
  starts_on date,
  -- Breaks a rule by itself, or with others of the file by being its own superior.
  bad boolean not null,
  cyclic boolean not null default false,
  -- Written by this import, but for its superior, who is to be set from this date on.
  pending_from date,
  primary key (tenant, import_id, key),
  foreign key (tenant, import_id) references import (tenant, id)
);

create index import_key_parent on import_key (tenant, import_id, parent_key);
create index import_key_pending on import_key (tenant, import_id, key) where pending_from is not null;

create table import_issue (
  tenant uuid not null,
  import_id uuid not null,
  line int not null,
  number int not null,
  severity text not null check (severity in ('error', 'warning')),
  rule text not null,
  field text,
  detail text not null,
  primary key (tenant, import_id, line, number),
  foreign key (tenant, import_id) references import (tenant, id)
);

alter table import enable row level security, force row level security;
alter table import_chunk enable row level security, force row level security;
alter table import_key enable row level security, force row level security;
alter table import_issue enable row level security, force row level security;
create policy tenant on import using (tenant = app_tenant());
create policy tenant on import_chunk using (tenant = app_tenant());
create policy tenant on import_key using (tenant = app_tenant());
create policy tenant on import_issue using (tenant = app_tenant());
grant select, insert, update, delete on import, import_chunk, import_key, import_issue to {app};
-- A file of many rows changes the tables' sizes faster than autovacuum looks; the worker has them analyzed meanwhile.
grant maintain on employee, employment, employee_version, employee_search, import_key to {app};
