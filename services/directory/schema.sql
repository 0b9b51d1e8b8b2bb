-- Made by `npm run schema` from the migrations; not to be edited.

create extension btree_gist;

CREATE OR REPLACE FUNCTION public.app_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid
;
CREATE OR REPLACE FUNCTION public.day_in(zone text, as_of date)
 RETURNS date
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN COALESCE(as_of, ((now() AT TIME ZONE zone))::date)
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
          SELECT v.employee_id
            FROM (report report_1
              JOIN employee_version v ON (((v.tenant = app_tenant()) AND (v.manager_id = report_1.id))))
           WHERE ((v.valid_from < v.valid_to) AND (v.valid_to > day_in(v.time_zone, NULL::date)) AND ((v.valid_from <= day_in(v.time_zone, NULL::date)) OR (NOT (EXISTS ( SELECT
                    FROM employee_version earlier
                   WHERE ((earlier.tenant = v.tenant) AND (earlier.employee_id = v.employee_id) AND (earlier.valid_from < earlier.valid_to) AND (earlier.valid_from < v.valid_from) AND (earlier.valid_to > day_in(earlier.time_zone, NULL::date))))))))
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
              CROSS JOIN LATERAL ( SELECT v.manager_id
                    FROM employee_version v
                   WHERE ((v.tenant = app_tenant()) AND (v.employee_id = line.id) AND (v.valid_from < v.valid_to) AND (v.valid_to > day_in(v.time_zone, NULL::date)))
                   ORDER BY v.valid_from
                  LIMIT 1) upper)
           WHERE (upper.manager_id IS NOT NULL)
         )
  SELECT (EXISTS ( SELECT
            FROM line
           WHERE ((line.id = reports_to.manager) AND (line.id <> reports_to.employee)))) AS "exists";
END
;
CREATE OR REPLACE FUNCTION public.search_employees(patterns text[], wanted integer[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER ROWS 200
 SET search_path TO 'public', 'pg_temp'
BEGIN ATOMIC
 SELECT employee_search.employee_id
    FROM employee_search
   WHERE ((employee_search.keys @> search_employees.wanted) AND (employee_search.tenant = app_tenant()) AND (employee_search.folded ~~ ALL (search_employees.patterns)));
END
;

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
alter table audit owner to directory_owner;
CREATE INDEX audit_object ON public.audit USING btree (tenant, object, object_id, id);
alter table audit enable row level security, force row level security;
create policy tenant on audit using (tenant = app_tenant());
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on audit to directory;

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
alter table audit_value owner to directory_owner;
CREATE INDEX audit_value_object ON public.audit_value USING btree (tenant, object, object_id);
alter table audit_value enable row level security, force row level security;
create policy tenant on audit_value using (tenant = app_tenant());
CREATE TRIGGER audit_value_append_only BEFORE UPDATE ON public.audit_value FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant delete, insert, select on audit_value to directory;

create table employee (
  tenant uuid not null,
  id uuid not null,
  number text not null,
  given_name text not null,
  family_name text not null,
  display_name text not null,
  own_display_name boolean not null default false,
  name_order text not null,
  sort_name text not null,
  email text,
  birth_date date,
  phone text,
  hired_on date not null,
  erased_at timestamp with time zone,
  updated_at timestamp with time zone not null default now(),
  version bigint not null default 1,
  constraint employee_pkey PRIMARY KEY (tenant, id),
  constraint employee_number UNIQUE (tenant, number),
  constraint employee_born_before_joining CHECK ((birth_date < hired_on)),
  constraint employee_name_order_check CHECK ((name_order = ANY (ARRAY['given-first'::text, 'family-first'::text]))),
  constraint employee_has_employment FOREIGN KEY (tenant, id, hired_on) REFERENCES employment(tenant, employee_id, joins_on) DEFERRABLE INITIALLY DEFERRED
);
alter table employee owner to directory_owner;
CREATE INDEX employee_by_name ON public.employee USING btree (tenant, sort_name, id);
CREATE INDEX employee_by_update ON public.employee USING btree (tenant, updated_at, id);
alter table employee enable row level security, force row level security;
create policy tenant on employee using (tenant = app_tenant());
grant delete, insert, maintain, select, update on employee to directory;

create table employee_search (
  tenant uuid not null,
  employee_id uuid not null,
  folded text not null,
  keys integer[] not null,
  constraint employee_search_pkey PRIMARY KEY (tenant, employee_id),
  constraint employee_search_tenant_employee_id_fkey FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id) ON DELETE CASCADE
);
alter table employee_search owner to directory_owner;
CREATE INDEX employee_search_keys ON public.employee_search USING gin (keys);
alter table employee_search enable row level security, force row level security;
create policy search on employee_search for select to directory_owner using true;
create policy tenant on employee_search using (tenant = app_tenant());
grant delete, insert, maintain, select, update on employee_search to directory;

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
  employment_type text not null,
  fte numeric(4,3) not null,
  cost_centre text,
  constraint employee_version_pkey PRIMARY KEY (tenant, employee_id, valid_from),
  constraint employee_not_own_manager CHECK ((manager_id <> employee_id)),
  constraint employee_version_check CHECK ((valid_from <= valid_to)),
  constraint employee_version_employment_type_check CHECK ((employment_type = ANY (ARRAY['permanent'::text, 'fixed-term'::text, 'temporary'::text, 'contractor'::text, 'intern'::text]))),
  constraint employee_version_fte_check CHECK (((fte > (0)::numeric) AND (fte <= (1)::numeric))),
  constraint employee_version_within_employment CHECK ((valid_from >= joins_on)),
  constraint employee_version_overlap EXCLUDE USING gist (tenant WITH =, employee_id WITH =, daterange(valid_from, valid_to) WITH &&) WHERE ((NOT isempty(daterange(valid_from, valid_to)))) DEFERRABLE INITIALLY DEFERRED,
  constraint employee_manager FOREIGN KEY (tenant, manager_id) REFERENCES employee(tenant, id),
  constraint employee_org_unit FOREIGN KEY (tenant, org_unit_id) REFERENCES org_unit(tenant, id),
  constraint employee_position FOREIGN KEY (tenant, position_id) REFERENCES "position"(tenant, id),
  constraint employee_version_tenant_employee_id_joins_on_fkey FOREIGN KEY (tenant, employee_id, joins_on) REFERENCES employment(tenant, employee_id, joins_on)
);
alter table employee_version owner to directory_owner;
CREATE INDEX employee_version_manager ON public.employee_version USING btree (tenant, manager_id);
CREATE INDEX employee_version_org_unit ON public.employee_version USING btree (tenant, org_unit_id);
CREATE INDEX employee_version_position ON public.employee_version USING btree (tenant, position_id);
alter table employee_version enable row level security, force row level security;
create policy tenant on employee_version using (tenant = app_tenant());
grant delete, insert, maintain, select, update on employee_version to directory;

create table employment (
  tenant uuid not null,
  employee_id uuid not null,
  joins_on date not null,
  leaves_on date,
  leaving_reason text,
  constraint employment_pkey PRIMARY KEY (tenant, employee_id, joins_on),
  constraint employment_joins_before_leaving CHECK ((leaves_on >= joins_on)),
  constraint employment_leaving_has_reason CHECK (((leaves_on IS NULL) = (leaving_reason IS NULL))),
  constraint employment_overlap EXCLUDE USING gist (tenant WITH =, employee_id WITH =, daterange(joins_on, leaves_on, '[]'::text) WITH &&) WHERE ((NOT isempty(daterange(joins_on, leaves_on, '[]'::text)))) DEFERRABLE INITIALLY DEFERRED,
  constraint employment_has_version FOREIGN KEY (tenant, employee_id, joins_on) REFERENCES employee_version(tenant, employee_id, valid_from) DEFERRABLE INITIALLY DEFERRED,
  constraint employment_tenant_employee_id_fkey FOREIGN KEY (tenant, employee_id) REFERENCES employee(tenant, id)
);
alter table employment owner to directory_owner;
alter table employment enable row level security, force row level security;
create policy tenant on employment using (tenant = app_tenant());
grant delete, insert, maintain, select, update on employment to directory;

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
alter table event owner to directory_owner;
CREATE INDEX event_unsequenced ON public.event USING btree (number) WHERE ("position" IS NULL);
CREATE TRIGGER event_append_only BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_kept BEFORE DELETE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant insert, select on event to directory;
grant update (position) on event to directory;

create table feed (
  only_row boolean not null default true,
  incarnation uuid not null,
  place text not null,
  last_position bigint not null default 0,
  constraint feed_pkey PRIMARY KEY (only_row),
  constraint feed_only_row_check CHECK (only_row)
);
alter table feed owner to directory_owner;
grant select, update on feed to directory;

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
alter table idempotency owner to directory_owner;
CREATE INDEX idempotency_created_at ON public.idempotency USING btree (created_at);
alter table idempotency enable row level security, force row level security;
create policy expire on idempotency to directory_worker using (created_at < (now() - '24:00:00'::interval));
create policy tenant on idempotency using (tenant = app_tenant());
grant delete, select on idempotency to directory_worker;
grant insert, select, update on idempotency to directory;

create table import (
  tenant uuid not null,
  id uuid not null,
  kind text not null,
  state text not null default 'created'::text,
  dry_run boolean not null,
  mapping jsonb not null,
  options jsonb not null,
  account text not null,
  client text not null,
  file_bytes bigint,
  file_digest text,
  ignored_columns text[] not null default '{}'::text[],
  phase text not null default 'index'::text,
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
  created_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  version bigint not null default 1,
  constraint import_pkey PRIMARY KEY (tenant, id),
  constraint import_kind_check CHECK ((kind = ANY (ARRAY['org-units'::text, 'positions'::text, 'employees'::text, 'job-history'::text]))),
  constraint import_phase_check CHECK ((phase = ANY (ARRAY['index'::text, 'apply'::text, 'link'::text, 'done'::text]))),
  constraint import_state_check CHECK ((state = ANY (ARRAY['created'::text, 'uploaded'::text, 'queued'::text, 'running'::text, 'validated'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);
alter table import owner to directory_owner;
alter table import enable row level security, force row level security;
create policy tenant on import using (tenant = app_tenant());
grant delete, insert, select, update on import to directory;

create table import_chunk (
  tenant uuid not null,
  import_id uuid not null,
  number integer not null,
  content bytea not null,
  constraint import_chunk_pkey PRIMARY KEY (tenant, import_id, number),
  constraint import_chunk_tenant_import_id_fkey FOREIGN KEY (tenant, import_id) REFERENCES import(tenant, id)
);
alter table import_chunk owner to directory_owner;
alter table import_chunk enable row level security, force row level security;
create policy tenant on import_chunk using (tenant = app_tenant());
grant delete, insert, select, update on import_chunk to directory;

create table import_issue (
  tenant uuid not null,
  import_id uuid not null,
  line integer not null,
  number integer not null,
  severity text not null,
  rule text not null,
  field text,
  detail text not null,
  constraint import_issue_pkey PRIMARY KEY (tenant, import_id, line, number),
  constraint import_issue_severity_check CHECK ((severity = ANY (ARRAY['error'::text, 'warning'::text]))),
  constraint import_issue_tenant_import_id_fkey FOREIGN KEY (tenant, import_id) REFERENCES import(tenant, id)
);
alter table import_issue owner to directory_owner;
alter table import_issue enable row level security, force row level security;
create policy tenant on import_issue using (tenant = app_tenant());
grant delete, insert, select, update on import_issue to directory;

create table import_key (
  tenant uuid not null,
  import_id uuid not null,
  key text not null,
  line integer not null,
  parent_key text,
  starts_on date,
  bad boolean not null,
  cyclic boolean not null default false,
  pending_from date,
  constraint import_key_pkey PRIMARY KEY (tenant, import_id, key),
  constraint import_key_tenant_import_id_fkey FOREIGN KEY (tenant, import_id) REFERENCES import(tenant, id)
);
alter table import_key owner to directory_owner;
CREATE INDEX import_key_parent ON public.import_key USING btree (tenant, import_id, parent_key);
CREATE INDEX import_key_pending ON public.import_key USING btree (tenant, import_id, key) WHERE (pending_from IS NOT NULL);
alter table import_key enable row level security, force row level security;
create policy tenant on import_key using (tenant = app_tenant());
grant delete, insert, maintain, select, update on import_key to directory;

create table migration (
  unit text not null,
  name text not null,
  at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (unit, name)
);
alter table migration owner to directory_owner;
grant select on migration to directory;

create table org_unit (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  opens_on date not null,
  closes_on date,
  updated_at timestamp with time zone not null default now(),
  version bigint not null default 1,
  constraint org_unit_pkey PRIMARY KEY (tenant, id),
  constraint org_unit_code UNIQUE (tenant, code),
  constraint org_unit_opens_before_closing CHECK ((closes_on >= opens_on))
);
alter table org_unit owner to directory_owner;
alter table org_unit enable row level security, force row level security;
create policy tenant on org_unit using (tenant = app_tenant());
grant delete, insert, select, update on org_unit to directory;

create table org_unit_version (
  tenant uuid not null,
  org_unit_id uuid not null,
  valid_from date not null,
  valid_to date not null default 'infinity'::date,
  name text not null,
  parent_id uuid,
  head_id uuid,
  cost_centre text,
  constraint org_unit_version_pkey PRIMARY KEY (tenant, org_unit_id, valid_from),
  constraint org_unit_not_its_parent CHECK ((parent_id <> org_unit_id)),
  constraint org_unit_version_check CHECK ((valid_from <= valid_to)),
  constraint org_unit_version_overlap EXCLUDE USING gist (tenant WITH =, org_unit_id WITH =, daterange(valid_from, valid_to) WITH &&) WHERE ((NOT isempty(daterange(valid_from, valid_to)))) DEFERRABLE INITIALLY DEFERRED,
  constraint org_unit_head FOREIGN KEY (tenant, head_id) REFERENCES employee(tenant, id),
  constraint org_unit_parent FOREIGN KEY (tenant, parent_id) REFERENCES org_unit(tenant, id),
  constraint org_unit_version_tenant_org_unit_id_fkey FOREIGN KEY (tenant, org_unit_id) REFERENCES org_unit(tenant, id)
);
alter table org_unit_version owner to directory_owner;
CREATE INDEX org_unit_version_parent ON public.org_unit_version USING btree (tenant, parent_id);
alter table org_unit_version enable row level security, force row level security;
create policy tenant on org_unit_version using (tenant = app_tenant());
grant delete, insert, select, update on org_unit_version to directory;

create table position (
  tenant uuid not null,
  id uuid not null,
  code text not null,
  title text not null,
  org_unit_id uuid,
  open boolean not null default true,
  updated_at timestamp with time zone not null default now(),
  version bigint not null default 1,
  constraint position_pkey PRIMARY KEY (tenant, id),
  constraint position_code UNIQUE (tenant, code),
  constraint position_org_unit FOREIGN KEY (tenant, org_unit_id) REFERENCES org_unit(tenant, id)
);
alter table position owner to directory_owner;
alter table position enable row level security, force row level security;
create policy tenant on position using (tenant = app_tenant());
grant delete, insert, select, update on position to directory;

grant execute on function app_tenant() to public;
grant execute on function day_in(zone text, as_of date) to public;
grant execute on function in_scope(reach text, caller uuid, employee uuid, own boolean) to public;
grant execute on function refuse_change() to public;
grant execute on function refuse_event_change() to public;
grant execute on function reports_of(manager uuid) to public;
grant execute on function reports_to(employee uuid, manager uuid) to public;
grant execute on function search_employees(patterns text[], wanted integer[]) to directory;
