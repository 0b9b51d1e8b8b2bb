create table employee (
  tenant uuid not null,
  id uuid not null,
  number text not null,
  given_name text not null,
  family_name text not null,
  display_name text not null,
  -- Whether the display name was given, not made from the names.
  own_display_name boolean not null default false,
  name_order text not null check (name_order in ('given-first', 'family-first')),
  -- Folded family and given name: what lists are ordered by.
  sort_name text not null,
  email text,
  birth_date date,
  phone text,
  hired_on date not null,
  erased_at timestamptz,
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  primary key (tenant, id),
  constraint employee_number unique (tenant, number),
  constraint employee_born_before_joining check (birth_date < hired_on)
);
create index employee_by_name on employee (tenant, sort_name, id);
create index employee_by_update on employee (tenant, updated_at, id);

create table employment (
  tenant uuid not null,
  employee_id uuid not null,
  joins_on date not null,
  leaves_on date,
  leaving_reason text,
  primary key (tenant, employee_id, joins_on),
  foreign key (tenant, employee_id) references employee (tenant, id),
  constraint employment_joins_before_leaving check (leaves_on >= joins_on),
  constraint employment_leaving_has_reason check ((leaves_on is null) = (leaving_reason is null)),
  constraint employment_overlap exclude using gist
    (tenant with =, employee_id with =, daterange(joins_on, leaves_on, '[]') with &&)
    -- Always true, which the planner doesn't know: else it prefers this index to the primary key's for reads.
    where (not isempty(daterange(joins_on, leaves_on, '[]'))) deferrable initially deferred
);

-- What applies to an employee from a date on, within one employment. valid_to is the day after the last one, infinity
-- while nothing follows. A version planned for after the leaving date applies on no day: valid_to = valid_from.
create table employee_version (
  tenant uuid not null,
  employee_id uuid not null,
  valid_from date not null,
  valid_to date not null,
  joins_on date not null,
  org_unit_id uuid,
  position_id uuid,
  job_title text,
  manager_id uuid,
  location text,
  time_zone text not null,
  employment_type text not null
    check (employment_type in ('permanent', 'fixed-term', 'temporary', 'contractor', 'intern')),
  fte numeric(4, 3) not null check (fte > 0 and fte <= 1),
  cost_centre text,
  primary key (tenant, employee_id, valid_from),
  foreign key (tenant, employee_id, joins_on) references employment (tenant, employee_id, joins_on),
  constraint employee_org_unit foreign key (tenant, org_unit_id) references org_unit (tenant, id),
  constraint employee_position foreign key (tenant, position_id) references position (tenant, id),
  constraint employee_manager foreign key (tenant, manager_id) references employee (tenant, id),
  constraint employee_not_own_manager check (manager_id <> employee_id),
  constraint employee_version_within_employment check (valid_from >= joins_on),
  check (valid_from <= valid_to),
  constraint employee_version_overlap exclude using gist
    (tenant with =, employee_id with =, daterange(valid_from, valid_to) with &&)
    where (not isempty(daterange(valid_from, valid_to))) deferrable initially deferred
);
create index employee_version_manager on employee_version (tenant, manager_id);
create index employee_version_org_unit on employee_version (tenant, org_unit_id);
create index employee_version_position on employee_version (tenant, position_id);

-- Every employee has an employment, every employment a version from its first day on.
alter table employee add constraint employee_has_employment
  foreign key (tenant, id, hired_on) references employment (tenant, employee_id, joins_on)
  deferrable initially deferred;
alter table employment add constraint employment_has_version
  foreign key (tenant, employee_id, joins_on) references employee_version (tenant, employee_id, valid_from)
  deferrable initially deferred;
alter table org_unit_version add constraint org_unit_head
  foreign key (tenant, head_id) references employee (tenant, id);

alter table employee enable row level security, force row level security;
alter table employment enable row level security, force row level security;
alter table employee_version enable row level security, force row level security;
create policy tenant on employee using (tenant = app_tenant());
create policy tenant on employment using (tenant = app_tenant());
create policy tenant on employee_version using (tenant = app_tenant());
grant select, insert, update, delete on employee, employment, employee_version to {app};

-- The day it is in a time zone; versions know their zone, so "today" is the employee's own.
create function day_in(zone text, as_of date) returns date
  language sql stable parallel safe
  return coalesce(as_of, (now() at time zone zone)::date);

-- Whether an employee reports to a manager, directly or not, by the versions in force now (for who has not joined yet:
-- the first to come). Who has left reports to nobody. `union` ends the walk even on a cycle.
create function reports_to(employee uuid, manager uuid) returns boolean
  language sql stable
  begin atomic
    with recursive line as (
      select employee as id
      union
      select upper.manager_id
      from line cross join lateral (
        select v.manager_id from employee_version v
        where v.tenant = app_tenant() and v.employee_id = line.id
          and v.valid_from < v.valid_to and v.valid_to > day_in(v.time_zone, null)
        order by v.valid_from limit 1) upper
      where upper.manager_id is not null)
    select exists (select from line where id = manager and id <> employee);
  end;

-- Whom a scope reaches. A scope of reports holds the caller too, unless the change is not one's own to make.
create function in_scope(reach text, caller uuid, employee uuid, own boolean) returns boolean
  language sql stable
  return case reach
    when 'all' then true
    when 'self' then own and employee = caller
    else (own and employee = caller) or (employee <> caller and reports_to(employee, caller))
  end;

-- All who report to a manager now, directly or not; the counterpart of reports_to for lists.
create function reports_of(manager uuid) returns setof uuid
  language sql stable rows 100
  begin atomic
    with recursive report as (
      select manager as id
      union
      select v.employee_id
      from report join employee_version v on v.tenant = app_tenant() and v.manager_id = report.id
      where v.valid_from < v.valid_to and v.valid_to > day_in(v.time_zone, null)
        and (v.valid_from <= day_in(v.time_zone, null) or not exists (
          select from employee_version earlier
          where earlier.tenant = v.tenant and earlier.employee_id = v.employee_id
            and earlier.valid_from < earlier.valid_to and earlier.valid_from < v.valid_from
            and earlier.valid_to > day_in(earlier.time_zone, null))))
    select id from report where id <> manager;
  end;
