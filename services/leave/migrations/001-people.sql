-- What leave must know of people and lifecycle tells: employments and terms as they were, are and will be. Only a newer
-- state of an employee replaces an older one.
create extension btree_gist;

-- Which companies there are, so that the clock finds those for whom something is due.
create table company (
  tenant uuid primary key,
  -- The ledgers of its people begin with the leave year that this day lies in.
  since date not null
);
grant select, insert, delete on company to {app};

create table employee (
  tenant uuid not null,
  id uuid not null,
  number text not null,
  -- Version of the employee in directory.
  source_version bigint not null,
  -- How often a schedule was assigned.
  schedule_version bigint not null default 0,
  erased_at timestamptz,
  primary key (tenant, id)
);
create index employee_by_number on employee (tenant, number);

create table employment (
  tenant uuid not null,
  employee_id uuid not null,
  joins_on date not null,
  leaves_on date,
  primary key (tenant, employee_id, joins_on),
  foreign key (tenant, employee_id) references employee (tenant, id) on delete cascade,
  check (leaves_on >= joins_on)
);

-- valid_to is the day after the last one, infinity while nothing follows. The manager may not be known here yet.
create table employee_terms (
  tenant uuid not null,
  employee_id uuid not null,
  valid_from date not null,
  valid_to date not null,
  manager_id uuid,
  org_unit_id uuid,
  location text,
  time_zone text not null,
  employment_type text not null,
  fte numeric(4, 3) not null check (fte > 0 and fte <= 1),
  primary key (tenant, employee_id, valid_from),
  foreign key (tenant, employee_id) references employee (tenant, id) on delete cascade,
  check (valid_from < valid_to)
);
create index employee_terms_manager on employee_terms (tenant, manager_id);

alter table employee enable row level security, force row level security;
alter table employment enable row level security, force row level security;
alter table employee_terms enable row level security, force row level security;
create policy tenant on employee using (tenant = app_tenant());
create policy tenant on employment using (tenant = app_tenant());
create policy tenant on employee_terms using (tenant = app_tenant());
grant select, insert, update, delete on employee, employment, employee_terms to {app};

-- Whether an employee reports to a manager today, directly or not. Who has left reports to nobody. `union` ends the
-- walk even on a cycle, which two projections of different age can make.
create function reports_to(employee uuid, manager uuid) returns boolean
  language sql stable
  begin atomic
    with recursive line as (
      select employee as id
      union
      select upper.manager_id
      from line cross join lateral (
        select t.manager_id from employee_terms t
        where t.tenant = app_tenant() and t.employee_id = line.id
          and t.valid_to > (now() at time zone t.time_zone)::date
        order by t.valid_from limit 1) upper
      where upper.manager_id is not null)
    select exists (select from line where id = manager and id <> employee);
  end;

-- Whom a scope reaches; `own`: whether what is asked is for people to do for themselves.
create function in_scope(reach text, caller uuid, employee uuid, own boolean) returns boolean
  language sql stable
  return case reach
    when 'all' then true
    when 'self' then own and employee = caller
    else (own and employee = caller) or (employee <> caller and reports_to(employee, caller))
  end;

-- All who report to a manager today, directly or not; the counterpart of reports_to for lists.
create function reports_of(manager uuid) returns setof uuid
  language sql stable rows 100
  begin atomic
    with recursive report as (
      select manager as id
      union
      select t.employee_id
      from report join employee_terms t on t.tenant = app_tenant() and t.manager_id = report.id
      where t.valid_to > (now() at time zone t.time_zone)::date
        and (t.valid_from <= (now() at time zone t.time_zone)::date or not exists (
          select from employee_terms earlier
          where earlier.tenant = t.tenant and earlier.employee_id = t.employee_id
            and earlier.valid_from < t.valid_from
            and earlier.valid_to > (now() at time zone earlier.time_zone)::date)))
    select id from report where id <> manager;
  end;
