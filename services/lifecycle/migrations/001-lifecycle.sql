-- How far each feed has been read. A feed spans tenants, so its position belongs to none.
create table cursor (
  feed text primary key,
  position text,
  moved_at timestamptz not null default now()
);
grant select, insert, update on cursor to {app};

-- One row per (kind, subject) of a tenant: an employee's account, an export, a tenant's deletion, an erasure.
create table process (
  tenant uuid not null,
  id uuid not null,
  kind text not null check (kind in ('account', 'tenant-export', 'tenant-deletion', 'erasure')),
  subject uuid not null,
  state text not null check (state in ('scheduled', 'waiting', 'stuck', 'done')),
  -- What it waits for, or which rule stopped it; a word, never a personal value.
  why text check (why ~ '^[a-z-]{1,60}$'),
  -- Since when it is there for that reason.
  since timestamptz not null,
  due_at timestamptz,
  -- Raised by whatever is new and by every step that succeeds: a step that began before does not hide what came
  -- meanwhile, and commands of different steps have different keys.
  revision bigint not null default 1,
  -- Newest version of the subject that an event has told; older and doubled events change nothing.
  seen_version bigint not null default 0,
  attempts integer not null default 0 check (attempts >= 0),
  last_error text check (last_error ~ '^[a-z-]{1,60}$'),
  -- What the steps so far have reached; ids, counts and words only.
  progress jsonb not null default '{}',
  -- The worker that runs a step holds the row until then; after a crash another takes it.
  leased_until timestamptz,
  created_at timestamptz not null,
  primary key (tenant, id),
  constraint process_subject unique (tenant, kind, subject),
  check ((state = 'scheduled') = (due_at is not null)),
  check ((state in ('waiting', 'stuck')) <= (why is not null))
);
alter table process enable row level security, force row level security;
create policy tenant on process using (tenant = app_tenant());
-- The worker takes what is due of any tenant, and operators see all. A transaction must ask for that (store.ts).
create policy across_tenants on process using (current_setting('app.across_tenants', true) = 'on');
grant select, insert, update, delete on process to {app};
create index process_due on process (tenant, due_at) where state = 'scheduled';
create index process_leased on process (tenant) where leased_until is not null;
create index process_page on process (id);
-- Most are done: what isn't is found among them.
create index process_open on process (state, id) where state <> 'done';

-- The pages of an export, the only personal values here: they go when the export expires, the person is erased or the
-- tenant is deleted.
create table export_page (
  tenant uuid not null,
  process uuid not null,
  number integer not null check (number >= 1),
  records jsonb not null,
  primary key (tenant, process, number),
  foreign key (tenant, process) references process (tenant, id) on delete cascade
);
alter table export_page enable row level security, force row level security;
create policy tenant on export_page using (tenant = app_tenant());
create policy across_tenants on export_page for select using (current_setting('app.across_tenants', true) = 'on');
grant select, insert, update, delete on export_page to {app};
