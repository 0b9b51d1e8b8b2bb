create table leave_request (
  tenant uuid not null,
  id uuid not null,
  employee_id uuid not null,
  account_id uuid not null,
  type_id uuid not null,
  policy_id uuid not null,
  state text not null check (state in ('pending', 'approved', 'rejected', 'cancelled')),
  starts_on date not null,
  ends_on date not null,
  -- What it costs now: the sum of its days.
  amount bigint not null,
  submitted_at timestamptz not null,
  submitted_by text not null,
  updated_at timestamptz not null,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint leave_request_employee foreign key (tenant, employee_id) references employee (tenant, id),
  foreign key (tenant, account_id) references account (tenant, id),
  foreign key (tenant, policy_id) references leave_policy (tenant, id),
  check (ends_on >= starts_on)
);
create index leave_request_by_employee on leave_request (tenant, employee_id, ends_on);
create index leave_request_by_update on leave_request (tenant, updated_at, id);
create index leave_request_open on leave_request (tenant, ends_on) where state in ('pending', 'approved');

-- The per-day breakdown that a request was charged with.
create table leave_request_day (
  tenant uuid not null,
  request_id uuid not null,
  employee_id uuid not null,
  date date not null,
  part text not null check (part in ('full', 'first-half', 'second-half', 'hours')),
  -- Hours that were asked for, in minutes.
  asked integer check (asked > 0),
  -- Working time that it takes, and what that costs.
  minutes integer not null check (minutes >= 0),
  amount bigint not null check (amount >= 0),
  -- Of a request that is pending or approved.
  active boolean not null default true,
  primary key (tenant, request_id, date),
  foreign key (tenant, request_id) references leave_request (tenant, id),
  check ((part = 'hours') = (asked is not null)),
  -- The halves of a day are 0 and 1; hours lie anywhere, their sum is the domain's to check.
  constraint leave_request_day_overlap exclude using gist
    (tenant with =, employee_id with =, date with =,
     (case part when 'full' then int4range(0, 2) when 'first-half' then int4range(0, 1)
                when 'second-half' then int4range(1, 2) end) with &&)
    where (active and part <> 'hours')
);
create index leave_request_day_by_employee on leave_request_day (tenant, employee_id, date) where active;

create table leave_approval (
  tenant uuid not null,
  request_id uuid not null,
  step integer not null,
  approver text not null check (approver in ('manager', 'managers-manager', 'hr')),
  -- null: anybody of HR
  approver_id uuid,
  state text not null check (state in ('waiting', 'pending', 'approved', 'rejected', 'skipped')),
  decided_by uuid,
  decided_by_account text,
  decided_at timestamptz,
  primary key (tenant, request_id, step),
  foreign key (tenant, request_id) references leave_request (tenant, id),
  check ((state in ('approved', 'rejected')) = (decided_at is not null)),
  check (approver <> 'hr' or approver_id is null)
);
create unique index leave_approval_one_open on leave_approval (tenant, request_id) where state = 'pending';
create index leave_approval_by_approver on leave_approval (tenant, approver_id) where state = 'pending';

-- What people wrote; erasure removes it. Step 0 is the note of the request, -1 the reason of its cancelling.
create table leave_request_text (
  tenant uuid not null,
  request_id uuid not null,
  step integer not null,
  text text not null,
  primary key (tenant, request_id, step),
  foreign key (tenant, request_id) references leave_request (tenant, id)
);

-- What later changes of calendars, patterns, policies or employments did to a request.
create table leave_request_change (
  tenant uuid not null,
  request_id uuid not null,
  id uuid not null,
  at timestamptz not null,
  cause text not null check (cause in ('holidays', 'working-pattern', 'policy', 'employment')),
  before bigint not null,
  after bigint not null,
  outcome text not null check (outcome in ('re-rated', 'insufficient-balance')),
  primary key (tenant, request_id, id),
  foreign key (tenant, request_id) references leave_request (tenant, id)
);

create table delegation (
  tenant uuid not null,
  id uuid not null,
  delegator_id uuid not null,
  delegate_id uuid not null,
  starts_on date not null,
  ends_on date not null,
  ended boolean not null default false,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint delegation_delegator foreign key (tenant, delegator_id) references employee (tenant, id),
  constraint delegation_delegate foreign key (tenant, delegate_id) references employee (tenant, id),
  constraint delegation_not_to_oneself check (delegator_id <> delegate_id),
  check (ends_on >= starts_on),
  constraint delegation_overlap exclude using gist
    (tenant with =, delegator_id with =, daterange(starts_on, ends_on, '[]') with &&) where (not ended)
);
create index delegation_by_delegate on delegation (tenant, delegate_id) where not ended;

-- The day that it is where an employee works; as todayOf in the domain.
create function day_of(employee uuid, at timestamptz) returns date
  language sql stable
  begin atomic
    select (at at time zone t.time_zone)::date
    from employee_terms t
    where t.tenant = app_tenant() and t.employee_id = employee
    order by t.valid_from > (at at time zone 'UTC')::date, abs(t.valid_from - (at at time zone 'UTC')::date)
    limit 1;
  end;

-- Whose approvals somebody decides at an instant: their own, and those of who delegates to them, through others too.
create function decides_for(approver uuid, at timestamptz) returns setof uuid
  language sql stable rows 4
  begin atomic
    with recursive who as (
      select approver as id
      union
      select d.delegator_id
      from who join delegation d on d.tenant = app_tenant() and d.delegate_id = who.id and not d.ended
        and day_of(d.delegator_id, at) between d.starts_on and d.ends_on)
    select id from who;
  end;

alter table leave_request enable row level security, force row level security;
alter table leave_request_day enable row level security, force row level security;
alter table leave_approval enable row level security, force row level security;
alter table leave_request_text enable row level security, force row level security;
alter table leave_request_change enable row level security, force row level security;
alter table delegation enable row level security, force row level security;
create policy tenant on leave_request using (tenant = app_tenant());
create policy tenant on leave_request_day using (tenant = app_tenant());
create policy tenant on leave_approval using (tenant = app_tenant());
create policy tenant on leave_request_text using (tenant = app_tenant());
create policy tenant on leave_request_change using (tenant = app_tenant());
create policy tenant on delegation using (tenant = app_tenant());
grant select, insert, update, delete on leave_request, leave_request_day, leave_approval, leave_request_text,
  leave_request_change, delegation to {app};
