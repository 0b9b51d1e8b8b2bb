-- Made by `npm run schema` from the migrations; not to be edited.

create extension btree_gist;

CREATE OR REPLACE FUNCTION public.app_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid
;
CREATE OR REPLACE FUNCTION public.day_of(employee uuid, at timestamp with time zone)
 RETURNS date
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT ((day_of.at AT TIME ZONE t.time_zone))::date AS timezone
    FROM employee_terms t
   WHERE ((t.tenant = app_tenant()) AND (t.employee_id = day_of.employee))
   ORDER BY (t.valid_from > ((day_of.at AT TIME ZONE 'UTC'::text))::date), (abs((t.valid_from - ((day_of.at AT TIME ZONE 'UTC'::text))::date)))
  LIMIT 1;
END
;
CREATE OR REPLACE FUNCTION public.decides_for(approver uuid, at timestamp with time zone)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE ROWS 4
BEGIN ATOMIC
 WITH RECURSIVE who AS (
          SELECT decides_for.approver AS id
         UNION
          SELECT d.delegator_id
            FROM (who who_1
              JOIN delegation d ON (((d.tenant = app_tenant()) AND (d.delegate_id = who_1.id) AND (NOT d.ended) AND ((day_of(d.delegator_id, decides_for.at) >= d.starts_on) AND (day_of(d.delegator_id, decides_for.at) <= d.ends_on)))))
         )
  SELECT who.id
    FROM who;
END
;
CREATE OR REPLACE FUNCTION public.in_scope(reach text, caller uuid, employee uuid, own boolean)
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN CASE reach WHEN 'all'::text THEN true WHEN 'self'::text THEN (own AND (employee = caller)) ELSE ((own AND (employee = caller)) OR ((employee <> caller) AND reports_to(employee, caller))) END
;
CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $function$
;
CREATE OR REPLACE FUNCTION public.refuse_entry_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' and current_setting('app.tenant_deletion', true) = 'on' then
    return old;
  end if;
  raise exception 'entry is append-only' using errcode = 'restrict_violation';
end $function$
;
CREATE OR REPLACE FUNCTION public.refuse_event_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.position is null and (to_jsonb(new) - 'position') = (to_jsonb(old) - 'position') then
    return new;
  end if;
  raise exception 'event is append-only' using errcode = 'restrict_violation';
end $function$
;
CREATE OR REPLACE FUNCTION public.reports_of(manager uuid)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE ROWS 100
BEGIN ATOMIC
 WITH RECURSIVE report AS (
          SELECT reports_of.manager AS id
         UNION
          SELECT t.employee_id
            FROM (report report_1
              JOIN employee_terms t ON (((t.tenant = app_tenant()) AND (t.manager_id = report_1.id))))
           WHERE ((t.valid_to > ((now() AT TIME ZONE t.time_zone))::date) AND ((t.valid_from <= ((now() AT TIME ZONE t.time_zone))::date) OR (NOT (EXISTS ( SELECT
                    FROM employee_terms earlier
                   WHERE ((earlier.tenant = t.tenant) AND (earlier.employee_id = t.employee_id) AND (earlier.valid_from < t.valid_from) AND (earlier.valid_to > ((now() AT TIME ZONE earlier.time_zone))::date)))))))
         )
  SELECT report.id
    FROM report
   WHERE (report.id <> reports_of.manager);
END
;
CREATE OR REPLACE FUNCTION public.reports_to(employee uuid, manager uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 WITH RECURSIVE line AS (
          SELECT reports_to.employee AS id
         UNION
          SELECT upper.manager_id
            FROM (line
              CROSS JOIN LATERAL ( SELECT t.manager_id
                    FROM employee_terms t
                   WHERE ((t.tenant = app_tenant()) AND (t.employee_id = line.id) AND (t.valid_to > ((now() AT TIME ZONE t.time_zone))::date))
                   ORDER BY t.valid_from
                  LIMIT 1) upper)
           WHERE (upper.manager_id IS NOT NULL)
         )
  SELECT (EXISTS ( SELECT
            FROM line
           WHERE ((line.id = reports_to.manager) AND (line.id <> reports_to.employee)))) AS "exists";
END
;

create table account (
  tenant uuid not null,
  id uuid not null,
  employee_id uuid not null,
  type_id uuid not null,
  since date not null,
  balance bigint not null default 0,
  floor bigint default 0,
  settled_through date,
  due_on date,
  version bigint not null default 1,
  constraint account_pkey PRIMARY KEY (tenant, id),
  constraint account_once UNIQUE (tenant, employee_id, type_id),
  constraint account_not_below_floor CHECK ((balance >= floor)),
  constraint account_employee FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id),
  constraint account_type FOREIGN KEY (tenant, type_id) REFERENCES leave_type(tenant, id)
);
alter table account owner to leave_owner;
alter table account enable row level security, force row level security;
create policy tenant on account using (tenant = app_tenant());
grant delete, insert, select, update on account to leave;

create table audit (
  id uuid not null,
  tenant uuid not null,
  at timestamp with time zone not null default now(),
  account text not null,
  client text not null,
  operation text not null,
  object text not null,
  object_id text not null,
  request_id text not null,
  constraint audit_pkey PRIMARY KEY (tenant, id)
);
alter table audit owner to leave_owner;
CREATE INDEX audit_object ON public.audit USING btree (tenant, object, object_id, id);
alter table audit enable row level security, force row level security;
create policy tenant on audit using (tenant = app_tenant());
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on audit to leave;

create table audit_value (
  tenant uuid not null,
  audit_id uuid not null,
  object text not null,
  object_id text not null,
  before jsonb,
  after jsonb,
  constraint audit_value_pkey PRIMARY KEY (tenant, audit_id),
  constraint audit_value_tenant_audit_id_fkey FOREIGN KEY (tenant, audit_id) REFERENCES audit(tenant, id)
);
alter table audit_value owner to leave_owner;
CREATE INDEX audit_value_object ON public.audit_value USING btree (tenant, object, object_id);
alter table audit_value enable row level security, force row level security;
create policy tenant on audit_value using (tenant = app_tenant());
CREATE TRIGGER audit_value_append_only BEFORE UPDATE ON public.audit_value FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant delete, insert, select on audit_value to leave;

create table closed_period (
  tenant uuid not null,
  through date not null,
  version bigint not null default 1,
  constraint closed_period_pkey PRIMARY KEY (tenant)
);
alter table closed_period owner to leave_owner;
alter table closed_period enable row level security, force row level security;
create policy tenant on closed_period using (tenant = app_tenant());
grant delete, insert, select, update on closed_period to leave;

create table company (
  tenant uuid not null,
  since date not null,
  constraint company_pkey PRIMARY KEY (tenant)
);
alter table company owner to leave_owner;
grant delete, insert, select on company to leave;

create table delegation (
  tenant uuid not null,
  id uuid not null,
  delegator_id uuid not null,
  delegate_id uuid not null,
  starts_on date not null,
  ends_on date not null,
  ended boolean not null default false,
  version bigint not null default 1,
  constraint delegation_pkey PRIMARY KEY (tenant, id),
  constraint delegation_check CHECK ((ends_on >= starts_on)),
  constraint delegation_not_to_oneself CHECK ((delegator_id <> delegate_id)),
  constraint delegation_overlap EXCLUDE USING gist (tenant WITH =, delegator_id WITH =, daterange(starts_on, ends_on, '[]'::text) WITH &&) WHERE ((NOT ended)),
  constraint delegation_delegate FOREIGN KEY (tenant, delegate_id) REFERENCES employee(tenant, id),
  constraint delegation_delegator FOREIGN KEY (tenant, delegator_id) REFERENCES employee(tenant, id)
);
alter table delegation owner to leave_owner;
CREATE INDEX delegation_by_delegate ON public.delegation USING btree (tenant, delegate_id) WHERE (NOT ended);
alter table delegation enable row level security, force row level security;
create policy tenant on delegation using (tenant = app_tenant());
grant delete, insert, select, update on delegation to leave;

create table employee (
  tenant uuid not null,
  id uuid not null,
  number text not null,
  source_version bigint not null,
  schedule_version bigint not null default 0,
  erased_at timestamp with time zone,
  constraint employee_pkey PRIMARY KEY (tenant, id)
);
alter table employee owner to leave_owner;
CREATE INDEX employee_by_number ON public.employee USING btree (tenant, number);
alter table employee enable row level security, force row level security;
create policy tenant on employee using (tenant = app_tenant());
grant delete, insert, select, update on employee to leave;

create table employee_schedule (
  tenant uuid not null,
  employee_id uuid not null,
  valid_from date not null,
  pattern_id uuid,
  calendar_id uuid,
  constraint employee_schedule_pkey PRIMARY KEY (tenant, employee_id, valid_from),
  constraint employee_schedule_calendar FOREIGN KEY (tenant, calendar_id) REFERENCES holiday_calendar(tenant, id),
  constraint employee_schedule_pattern FOREIGN KEY (tenant, pattern_id) REFERENCES working_pattern(tenant, id),
  constraint employee_schedule_tenant_employee_id_fkey FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id) ON DELETE CASCADE
);
alter table employee_schedule owner to leave_owner;
alter table employee_schedule enable row level security, force row level security;
create policy tenant on employee_schedule using (tenant = app_tenant());
grant delete, insert, select, update on employee_schedule to leave;

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
  fte numeric(4,3) not null,
  constraint employee_terms_pkey PRIMARY KEY (tenant, employee_id, valid_from),
  constraint employee_terms_check CHECK ((valid_from < valid_to)),
  constraint employee_terms_fte_check CHECK (((fte > (0)::numeric) AND (fte <= (1)::numeric))),
  constraint employee_terms_tenant_employee_id_fkey FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id) ON DELETE CASCADE
);
alter table employee_terms owner to leave_owner;
CREATE INDEX employee_terms_manager ON public.employee_terms USING btree (tenant, manager_id);
alter table employee_terms enable row level security, force row level security;
create policy tenant on employee_terms using (tenant = app_tenant());
grant delete, insert, select, update on employee_terms to leave;

create table employment (
  tenant uuid not null,
  employee_id uuid not null,
  joins_on date not null,
  leaves_on date,
  constraint employment_pkey PRIMARY KEY (tenant, employee_id, joins_on),
  constraint employment_check CHECK ((leaves_on >= joins_on)),
  constraint employment_tenant_employee_id_fkey FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id) ON DELETE CASCADE
);
alter table employment owner to leave_owner;
alter table employment enable row level security, force row level security;
create policy tenant on employment using (tenant = app_tenant());
grant delete, insert, select, update on employment to leave;

create table entry (
  tenant uuid not null,
  id uuid not null,
  account_id uuid not null,
  lot_id uuid not null,
  kind text not null,
  amount bigint not null,
  effective_on date not null,
  booked_at timestamp with time zone not null,
  number bigint not null generated always as identity,
  request_id uuid,
  reverses uuid,
  period text,
  cause text,
  constraint entry_pkey PRIMARY KEY (tenant, id),
  constraint entry_cause_check CHECK (((cause ~ '^[a-z0-9-]+$'::text) AND (length(cause) <= 60))),
  constraint entry_check CHECK (((kind = 'reversal'::text) = (reverses IS NOT NULL))),
  constraint entry_check1 CHECK (((kind = ANY (ARRAY['reservation'::text, 'consumption'::text, 'reversal'::text])) = (request_id IS NOT NULL))),
  constraint entry_check2 CHECK (((kind <> ALL (ARRAY['reservation'::text, 'consumption'::text])) OR (amount <= 0))),
  constraint entry_check3 CHECK (((kind <> ALL (ARRAY['grant'::text, 'reversal'::text])) OR (amount >= 0))),
  constraint entry_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'accrual'::text, 'carry-over'::text, 'expiry'::text, 'reservation'::text, 'consumption'::text, 'reversal'::text, 'adjustment'::text]))),
  constraint entry_tenant_account_id_lot_id_fkey FOREIGN KEY (tenant, account_id, lot_id) REFERENCES lot(tenant, account_id, id),
  constraint entry_tenant_reverses_fkey FOREIGN KEY (tenant, reverses) REFERENCES entry(tenant, id)
);
alter table entry owner to leave_owner;
CREATE INDEX entry_by_account ON public.entry USING btree (tenant, account_id, effective_on, number);
CREATE INDEX entry_by_request ON public.entry USING btree (tenant, request_id) WHERE (request_id IS NOT NULL);
CREATE UNIQUE INDEX entry_once_a_period ON public.entry USING btree (tenant, lot_id, kind, period, effective_on) WHERE (period IS NOT NULL);
CREATE UNIQUE INDEX entry_reversed_once ON public.entry USING btree (tenant, reverses) WHERE (reverses IS NOT NULL);
alter table entry enable row level security, force row level security;
create policy tenant on entry using (tenant = app_tenant());
CREATE TRIGGER entry_append_only BEFORE DELETE OR UPDATE ON public.entry FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();
grant delete, insert, select on entry to leave;

create table entry_reason (
  tenant uuid not null,
  entry_id uuid not null,
  reason text not null,
  constraint entry_reason_pkey PRIMARY KEY (tenant, entry_id),
  constraint entry_reason_tenant_entry_id_fkey FOREIGN KEY (tenant, entry_id) REFERENCES entry(tenant, id)
);
alter table entry_reason owner to leave_owner;
alter table entry_reason enable row level security, force row level security;
create policy tenant on entry_reason using (tenant = app_tenant());
grant delete, insert, select on entry_reason to leave;

create table event (
  id uuid not null,
  tenant uuid not null,
  kind text not null,
  aggregate_id text not null,
  version bigint not null,
  changed text not null,
  at timestamp with time zone not null default now(),
  number bigint not null generated always as identity,
  position bigint,
  traceparent text,
  constraint event_pkey PRIMARY KEY (id),
  constraint event_position_key UNIQUE ("position")
);
alter table event owner to leave_owner;
CREATE INDEX event_unsequenced ON public.event USING btree (number) WHERE ("position" IS NULL);
CREATE TRIGGER event_append_only BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_kept BEFORE DELETE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant insert, select on event to leave;
grant update (position) on event to leave;

create table feed (
  only_row boolean not null default true,
  incarnation uuid not null,
  place text not null,
  last_position bigint not null default 0,
  constraint feed_pkey PRIMARY KEY (only_row),
  constraint feed_only_row_check CHECK (only_row)
);
alter table feed owner to leave_owner;
grant select, update on feed to leave;

create table holiday (
  tenant uuid not null,
  calendar_id uuid not null,
  date date not null,
  name text not null,
  portion text not null,
  source text not null,
  constraint holiday_pkey PRIMARY KEY (tenant, calendar_id, date),
  constraint holiday_portion_check CHECK ((portion = ANY (ARRAY['full'::text, 'first-half'::text, 'second-half'::text]))),
  constraint holiday_source_check CHECK ((source = ANY (ARRAY['public'::text, 'company'::text]))),
  constraint holiday_tenant_calendar_id_fkey FOREIGN KEY (tenant, calendar_id) REFERENCES holiday_calendar(tenant, id)
);
alter table holiday owner to leave_owner;
alter table holiday enable row level security, force row level security;
create policy tenant on holiday using (tenant = app_tenant());
grant delete, insert, select, update on holiday to leave;

create table holiday_calendar (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  country text,
  region text,
  locations text[] not null default '{}'::text[],
  is_default boolean not null default false,
  version bigint not null default 1,
  constraint holiday_calendar_pkey PRIMARY KEY (tenant, id),
  constraint holiday_calendar_code UNIQUE (tenant, code),
  constraint holiday_calendar_check CHECK (((region IS NULL) OR (country IS NOT NULL)))
);
alter table holiday_calendar owner to leave_owner;
CREATE UNIQUE INDEX holiday_calendar_default ON public.holiday_calendar USING btree (tenant) WHERE is_default;
alter table holiday_calendar enable row level security, force row level security;
create policy tenant on holiday_calendar using (tenant = app_tenant());
grant delete, insert, select, update on holiday_calendar to leave;

create table idempotency (
  tenant uuid not null,
  client text not null,
  operation text not null,
  key text not null,
  request_hash text not null,
  response text,
  created_at timestamp with time zone not null default now(),
  constraint idempotency_pkey PRIMARY KEY (tenant, client, operation, key)
);
alter table idempotency owner to leave_owner;
CREATE INDEX idempotency_created_at ON public.idempotency USING btree (created_at);
alter table idempotency enable row level security, force row level security;
create policy expire on idempotency to leave_worker using (created_at < (now() - '24:00:00'::interval));
create policy tenant on idempotency using (tenant = app_tenant());
grant delete, select on idempotency to leave_worker;
grant insert, select, update on idempotency to leave;

create table leave_approval (
  tenant uuid not null,
  request_id uuid not null,
  step integer not null,
  approver text not null,
  approver_id uuid,
  state text not null,
  decided_by uuid,
  decided_by_account text,
  decided_at timestamp with time zone,
  constraint leave_approval_pkey PRIMARY KEY (tenant, request_id, step),
  constraint leave_approval_approver_check CHECK ((approver = ANY (ARRAY['manager'::text, 'managers-manager'::text, 'hr'::text]))),
  constraint leave_approval_check CHECK (((state = ANY (ARRAY['approved'::text, 'rejected'::text])) = (decided_at IS NOT NULL))),
  constraint leave_approval_check1 CHECK (((approver <> 'hr'::text) OR (approver_id IS NULL))),
  constraint leave_approval_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'pending'::text, 'approved'::text, 'rejected'::text, 'skipped'::text]))),
  constraint leave_approval_tenant_request_id_fkey FOREIGN KEY (tenant, request_id) REFERENCES leave_request(tenant, id)
);
alter table leave_approval owner to leave_owner;
CREATE INDEX leave_approval_by_approver ON public.leave_approval USING btree (tenant, approver_id) WHERE (state = 'pending'::text);
CREATE UNIQUE INDEX leave_approval_one_open ON public.leave_approval USING btree (tenant, request_id) WHERE (state = 'pending'::text);
alter table leave_approval enable row level security, force row level security;
create policy tenant on leave_approval using (tenant = app_tenant());
grant delete, insert, select, update on leave_approval to leave;

create table leave_policy (
  tenant uuid not null,
  id uuid not null,
  type_id uuid not null,
  code text not null,
  name text not null,
  rank integer not null,
  version bigint not null default 1,
  constraint leave_policy_pkey PRIMARY KEY (tenant, id),
  constraint leave_policy_code UNIQUE (tenant, code),
  constraint leave_policy_type FOREIGN KEY (tenant, type_id) REFERENCES leave_type(tenant, id)
);
alter table leave_policy owner to leave_owner;
CREATE INDEX leave_policy_by_type ON public.leave_policy USING btree (tenant, type_id, rank, id);
alter table leave_policy enable row level security, force row level security;
create policy tenant on leave_policy using (tenant = app_tenant());
grant delete, insert, select, update on leave_policy to leave;

create table leave_policy_version (
  tenant uuid not null,
  policy_id uuid not null,
  valid_from date not null,
  rules jsonb not null,
  constraint leave_policy_version_pkey PRIMARY KEY (tenant, policy_id, valid_from),
  constraint leave_policy_version_tenant_policy_id_fkey FOREIGN KEY (tenant, policy_id) REFERENCES leave_policy(tenant, id)
);
alter table leave_policy_version owner to leave_owner;
alter table leave_policy_version enable row level security, force row level security;
create policy tenant on leave_policy_version using (tenant = app_tenant());
grant delete, insert, select, update on leave_policy_version to leave;

create table leave_request (
  tenant uuid not null,
  id uuid not null,
  employee_id uuid not null,
  account_id uuid not null,
  type_id uuid not null,
  policy_id uuid not null,
  state text not null,
  starts_on date not null,
  ends_on date not null,
  amount bigint not null,
  submitted_at timestamp with time zone not null,
  submitted_by text not null,
  updated_at timestamp with time zone not null,
  version bigint not null default 1,
  constraint leave_request_pkey PRIMARY KEY (tenant, id),
  constraint leave_request_check CHECK ((ends_on >= starts_on)),
  constraint leave_request_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'cancelled'::text]))),
  constraint leave_request_employee FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id),
  constraint leave_request_tenant_account_id_fkey FOREIGN KEY (tenant, account_id) REFERENCES account(tenant, id),
  constraint leave_request_tenant_policy_id_fkey FOREIGN KEY (tenant, policy_id) REFERENCES leave_policy(tenant, id)
);
alter table leave_request owner to leave_owner;
CREATE INDEX leave_request_by_employee ON public.leave_request USING btree (tenant, employee_id, ends_on);
CREATE INDEX leave_request_by_update ON public.leave_request USING btree (tenant, updated_at, id);
CREATE INDEX leave_request_open ON public.leave_request USING btree (tenant, ends_on) WHERE (state = ANY (ARRAY['pending'::text, 'approved'::text]));
alter table leave_request enable row level security, force row level security;
create policy tenant on leave_request using (tenant = app_tenant());
grant delete, insert, select, update on leave_request to leave;

create table leave_request_change (
  tenant uuid not null,
  request_id uuid not null,
  id uuid not null,
  at timestamp with time zone not null,
  cause text not null,
  before bigint not null,
  after bigint not null,
  outcome text not null,
  constraint leave_request_change_pkey PRIMARY KEY (tenant, request_id, id),
  constraint leave_request_change_cause_check CHECK ((cause = ANY (ARRAY['holidays'::text, 'working-pattern'::text, 'policy'::text, 'employment'::text]))),
  constraint leave_request_change_outcome_check CHECK ((outcome = ANY (ARRAY['re-rated'::text, 'insufficient-balance'::text]))),
  constraint leave_request_change_tenant_request_id_fkey FOREIGN KEY (tenant, request_id) REFERENCES leave_request(tenant, id)
);
alter table leave_request_change owner to leave_owner;
alter table leave_request_change enable row level security, force row level security;
create policy tenant on leave_request_change using (tenant = app_tenant());
grant delete, insert, select, update on leave_request_change to leave;

create table leave_request_day (
  tenant uuid not null,
  request_id uuid not null,
  employee_id uuid not null,
  date date not null,
  part text not null,
  asked integer,
  minutes integer not null,
  amount bigint not null,
  active boolean not null default true,
  constraint leave_request_day_pkey PRIMARY KEY (tenant, request_id, date),
  constraint leave_request_day_amount_check CHECK ((amount >= 0)),
  constraint leave_request_day_asked_check CHECK ((asked > 0)),
  constraint leave_request_day_check CHECK (((part = 'hours'::text) = (asked IS NOT NULL))),
  constraint leave_request_day_minutes_check CHECK ((minutes >= 0)),
  constraint leave_request_day_part_check CHECK ((part = ANY (ARRAY['full'::text, 'first-half'::text, 'second-half'::text, 'hours'::text]))),
  constraint leave_request_day_overlap EXCLUDE USING gist (tenant WITH =, employee_id WITH =, date WITH =, (
CASE part
    WHEN 'full'::text THEN int4range(0, 2)
    WHEN 'first-half'::text THEN int4range(0, 1)
    WHEN 'second-half'::text THEN int4range(1, 2)
    ELSE NULL::int4range
END) WITH &&) WHERE ((active AND (part <> 'hours'::text))),
  constraint leave_request_day_tenant_request_id_fkey FOREIGN KEY (tenant, request_id) REFERENCES leave_request(tenant, id)
);
alter table leave_request_day owner to leave_owner;
CREATE INDEX leave_request_day_by_employee ON public.leave_request_day USING btree (tenant, employee_id, date) WHERE active;
alter table leave_request_day enable row level security, force row level security;
create policy tenant on leave_request_day using (tenant = app_tenant());
grant delete, insert, select, update on leave_request_day to leave;

create table leave_request_text (
  tenant uuid not null,
  request_id uuid not null,
  step integer not null,
  text text not null,
  constraint leave_request_text_pkey PRIMARY KEY (tenant, request_id, step),
  constraint leave_request_text_tenant_request_id_fkey FOREIGN KEY (tenant, request_id) REFERENCES leave_request(tenant, id)
);
alter table leave_request_text owner to leave_owner;
alter table leave_request_text enable row level security, force row level security;
create policy tenant on leave_request_text using (tenant = app_tenant());
grant delete, insert, select, update on leave_request_text to leave;

create table leave_run (
  tenant uuid not null,
  id uuid not null,
  through date not null,
  state text not null,
  cursor uuid,
  employees integer not null default 0,
  total integer not null,
  entries integer not null default 0,
  failed integer not null default 0,
  started_at timestamp with time zone not null,
  version bigint not null default 1,
  constraint leave_run_pkey PRIMARY KEY (tenant, id),
  constraint leave_run_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text])))
);
alter table leave_run owner to leave_owner;
CREATE UNIQUE INDEX leave_run_one_at_a_time ON public.leave_run USING btree (tenant) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
alter table leave_run enable row level security, force row level security;
create policy tenant on leave_run using (tenant = app_tenant());
grant delete, insert, select, update on leave_run to leave;

create table leave_type (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  unit text not null,
  paid boolean not null,
  overdraft bigint,
  open boolean not null default true,
  version bigint not null default 1,
  constraint leave_type_pkey PRIMARY KEY (tenant, id),
  constraint leave_type_code UNIQUE (tenant, code),
  constraint leave_type_overdraft_check CHECK ((overdraft >= 0)),
  constraint leave_type_unit_check CHECK ((unit = ANY (ARRAY['day'::text, 'hour'::text])))
);
alter table leave_type owner to leave_owner;
alter table leave_type enable row level security, force row level security;
create policy tenant on leave_type using (tenant = app_tenant());
grant delete, insert, select, update on leave_type to leave;

create table lot (
  tenant uuid not null,
  id uuid not null,
  account_id uuid not null,
  origin text not null,
  year_from date,
  usable_from date not null,
  usable_to date,
  remaining bigint not null default 0,
  rated bigint not null default 0,
  carried bigint not null default 0,
  closed_on date,
  constraint lot_pkey PRIMARY KEY (tenant, id),
  constraint lot_once UNIQUE (tenant, account_id, origin, year_from),
  constraint lot_tenant_account_id_id_key UNIQUE (tenant, account_id, id),
  constraint lot_check CHECK ((usable_to >= usable_from)),
  constraint lot_check1 CHECK (((origin = ANY (ARRAY['entitlement'::text, 'carry-over'::text])) = (year_from IS NOT NULL))),
  constraint lot_origin_check CHECK ((origin = ANY (ARRAY['entitlement'::text, 'carry-over'::text, 'grant'::text, 'overdraft'::text]))),
  constraint lot_tenant_account_id_fkey FOREIGN KEY (tenant, account_id) REFERENCES account(tenant, id)
);
alter table lot owner to leave_owner;
alter table lot enable row level security, force row level security;
create policy tenant on lot using (tenant = app_tenant());
grant delete, insert, select, update on lot to leave;

create table migration (
  unit text not null,
  name text not null,
  at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (unit, name)
);
alter table migration owner to leave_owner;
grant select on migration to leave;

create table working_pattern (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  name text not null,
  weeks jsonb not null,
  anchor date not null,
  is_default boolean not null default false,
  version bigint not null default 1,
  constraint working_pattern_pkey PRIMARY KEY (tenant, id),
  constraint working_pattern_code UNIQUE (tenant, code)
);
alter table working_pattern owner to leave_owner;
CREATE UNIQUE INDEX working_pattern_default ON public.working_pattern USING btree (tenant) WHERE is_default;
alter table working_pattern enable row level security, force row level security;
create policy tenant on working_pattern using (tenant = app_tenant());
grant delete, insert, select, update on working_pattern to leave;

grant execute on function app_tenant() to public;
grant execute on function day_of(employee uuid, at timestamp with time zone) to public;
grant execute on function decides_for(approver uuid, at timestamp with time zone) to public;
grant execute on function in_scope(reach text, caller uuid, employee uuid, own boolean) to public;
grant execute on function refuse_change() to public;
grant execute on function refuse_entry_change() to public;
grant execute on function refuse_event_change() to public;
grant execute on function reports_of(manager uuid) to public;
grant execute on function reports_to(employee uuid, manager uuid) to public;
