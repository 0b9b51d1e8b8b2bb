-- Trusted extension: lets exclusion constraints compare ids beside date ranges.
create extension btree_gist;

create table org_unit (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  opens_on date not null,
  closes_on date,
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (tenant, id),
  constraint org_unit_code unique (tenant, code),
  constraint org_unit_opens_before_closing check (closes_on >= opens_on)
);

-- What a unit is from a date on. valid_to is the day after the last one, infinity while nothing follows.
create table org_unit_version (
  tenant uuid not null,
  org_unit_id uuid not null,
  valid_from date not null,
  valid_to date not null default 'infinity',
  name text not null,
  parent_id uuid,
  head_id uuid,
  cost_centre text,
  primary key (tenant, org_unit_id, valid_from),
  foreign key (tenant, org_unit_id) references org_unit (tenant, id),
  constraint org_unit_parent foreign key (tenant, parent_id) references org_unit (tenant, id),
  constraint org_unit_not_its_parent check (parent_id <> org_unit_id),
  check (valid_from <= valid_to),
  -- Checked at commit, so that neighbours may change in any order.
  constraint org_unit_version_overlap exclude using gist
    (tenant with =, org_unit_id with =, daterange(valid_from, valid_to) with &&)
    where (not isempty(daterange(valid_from, valid_to))) deferrable initially deferred
);
create index org_unit_version_parent on org_unit_version (tenant, parent_id);

create table position (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  title text not null,
  org_unit_id uuid,
  open boolean not null default true,
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (tenant, id),
  constraint position_code unique (tenant, code),
  constraint position_org_unit foreign key (tenant, org_unit_id) references org_unit (tenant, id)
);

alter table org_unit enable row level security, force row level security;
alter table org_unit_version enable row level security, force row level security;
alter table position enable row level security, force row level security;
create policy tenant on org_unit using (tenant = app_tenant());
create policy tenant on org_unit_version using (tenant = app_tenant());
create policy tenant on position using (tenant = app_tenant());
grant select, insert, update, delete on org_unit, org_unit_version, position to {app};
