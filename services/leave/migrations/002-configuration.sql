create table leave_type (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  unit text not null check (unit in ('day', 'hour')),
  paid boolean not null,
  -- How far below zero a balance may go, in thousandths of the unit: 0 not at all, null without limit.
  overdraft bigint check (overdraft >= 0),
  open boolean not null default true,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint leave_type_code unique (tenant, code)
);

create table leave_policy (
  tenant uuid not null,
  id uuid not null,
  type_id uuid not null,
  code text not null,
  name text not null,
  rank integer not null,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint leave_policy_code unique (tenant, code),
  constraint leave_policy_type foreign key (tenant, type_id) references leave_type (tenant, id)
);
create index leave_policy_by_type on leave_policy (tenant, type_id, rank, id);

-- The rules that apply from a date on, until the next ones do.
create table leave_policy_version (
  tenant uuid not null,
  policy_id uuid not null,
  valid_from date not null,
  rules jsonb not null,
  primary key (tenant, policy_id, valid_from),
  foreign key (tenant, policy_id) references leave_policy (tenant, id)
);

create table holiday_calendar (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  country text,
  region text,
  locations text[] not null default '{}',
  is_default boolean not null default false,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint holiday_calendar_code unique (tenant, code),
  check (region is null or country is not null)
);
create unique index holiday_calendar_default on holiday_calendar (tenant) where is_default;

create table holiday (
  tenant uuid not null,
  calendar_id uuid not null,
  date date not null,
  name text not null,
  portion text not null check (portion in ('full', 'first-half', 'second-half')),
  source text not null check (source in ('public', 'company')),
  primary key (tenant, calendar_id, date),
  foreign key (tenant, calendar_id) references holiday_calendar (tenant, id)
);

create table working_pattern (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  -- Alternating weeks of working minutes from Monday to Sunday; the anchor is a day in a first one.
  weeks jsonb not null,
  anchor date not null,
  is_default boolean not null default false,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint working_pattern_code unique (tenant, code)
);
create unique index working_pattern_default on working_pattern (tenant) where is_default;

-- What an employee has of their own from a date on; null: what is the default for them.
create table employee_schedule (
  tenant uuid not null,
  employee_id uuid not null,
  valid_from date not null,
  pattern_id uuid,
  calendar_id uuid,
  primary key (tenant, employee_id, valid_from),
  foreign key (tenant, employee_id) references employee (tenant, id) on delete cascade,
  constraint employee_schedule_pattern foreign key (tenant, pattern_id) references working_pattern (tenant, id),
  constraint employee_schedule_calendar foreign key (tenant, calendar_id) references holiday_calendar (tenant, id)
);

create table closed_period (
  tenant uuid primary key,
  through date not null,
  version bigint not null default 1
);

alter table leave_type enable row level security, force row level security;
alter table leave_policy enable row level security, force row level security;
alter table leave_policy_version enable row level security, force row level security;
alter table holiday_calendar enable row level security, force row level security;
alter table holiday enable row level security, force row level security;
alter table working_pattern enable row level security, force row level security;
alter table employee_schedule enable row level security, force row level security;
alter table closed_period enable row level security, force row level security;
create policy tenant on leave_type using (tenant = app_tenant());
create policy tenant on leave_policy using (tenant = app_tenant());
create policy tenant on leave_policy_version using (tenant = app_tenant());
create policy tenant on holiday_calendar using (tenant = app_tenant());
create policy tenant on holiday using (tenant = app_tenant());
create policy tenant on working_pattern using (tenant = app_tenant());
create policy tenant on employee_schedule using (tenant = app_tenant());
create policy tenant on closed_period using (tenant = app_tenant());
grant select, insert, update, delete on leave_type, leave_policy, leave_policy_version, holiday_calendar, holiday,
  working_pattern, employee_schedule, closed_period to {app};
