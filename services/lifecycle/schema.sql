-- Made by `npm run schema` from the migrations; not to be edited.

CREATE OR REPLACE FUNCTION public.app_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid
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
alter table audit owner to lifecycle_owner;
CREATE INDEX audit_object ON public.audit USING btree (tenant, object, object_id, id);
alter table audit enable row level security, force row level security;
create policy tenant on audit using (tenant = app_tenant());
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on audit to lifecycle;

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
alter table audit_value owner to lifecycle_owner;
CREATE INDEX audit_value_object ON public.audit_value USING btree (tenant, object, object_id);
alter table audit_value enable row level security, force row level security;
create policy tenant on audit_value using (tenant = app_tenant());
CREATE TRIGGER audit_value_append_only BEFORE UPDATE ON public.audit_value FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant delete, insert, select on audit_value to lifecycle;

create table cursor (
  feed text not null,
  position text,
  moved_at timestamp with time zone not null default now(),
  constraint cursor_pkey PRIMARY KEY (feed)
);
alter table cursor owner to lifecycle_owner;
grant insert, select, update on cursor to lifecycle;

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
alter table event owner to lifecycle_owner;
CREATE INDEX event_unsequenced ON public.event USING btree (number) WHERE ("position" IS NULL);
CREATE TRIGGER event_append_only BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_kept BEFORE DELETE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant insert, select on event to lifecycle;
grant update (position) on event to lifecycle;

create table export_page (
  tenant uuid not null,
  process uuid not null,
  number integer not null,
  records jsonb not null,
  constraint export_page_pkey PRIMARY KEY (tenant, process, number),
  constraint export_page_number_check CHECK ((number >= 1)),
  constraint export_page_tenant_process_fkey FOREIGN KEY (tenant, process) REFERENCES process(tenant, id) ON DELETE CASCADE
);
alter table export_page owner to lifecycle_owner;
alter table export_page enable row level security, force row level security;
create policy across_tenants on export_page for select using (current_setting('app.across_tenants'::text, true) = 'on'::text);
create policy tenant on export_page using (tenant = app_tenant());
grant delete, insert, select, update on export_page to lifecycle;

create table feed (
  only_row boolean not null default true,
  incarnation uuid not null,
  place text not null,
  last_position bigint not null default 0,
  constraint feed_pkey PRIMARY KEY (only_row),
  constraint feed_only_row_check CHECK (only_row)
);
alter table feed owner to lifecycle_owner;
grant select, update on feed to lifecycle;

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
alter table idempotency owner to lifecycle_owner;
CREATE INDEX idempotency_created_at ON public.idempotency USING btree (created_at);
alter table idempotency enable row level security, force row level security;
create policy expire on idempotency to lifecycle_worker using (created_at < (now() - '24:00:00'::interval));
create policy tenant on idempotency using (tenant = app_tenant());
grant delete, select on idempotency to lifecycle_worker;
grant insert, select, update on idempotency to lifecycle;

create table migration (
  unit text not null,
  name text not null,
  at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (unit, name)
);
alter table migration owner to lifecycle_owner;
grant select on migration to lifecycle;

create table process (
  tenant uuid not null,
  id uuid not null,
  kind text not null,
  subject uuid not null,
  state text not null,
  why text,
  since timestamp with time zone not null,
  due_at timestamp with time zone,
  revision bigint not null default 1,
  seen_version bigint not null default 0,
  attempts integer not null default 0,
  last_error text,
  progress jsonb not null default '{}'::jsonb,
  leased_until timestamp with time zone,
  created_at timestamp with time zone not null,
  traceparent text,
  constraint process_pkey PRIMARY KEY (tenant, id),
  constraint process_subject UNIQUE (tenant, kind, subject),
  constraint process_attempts_check CHECK ((attempts >= 0)),
  constraint process_check CHECK (((state = 'scheduled'::text) = (due_at IS NOT NULL))),
  constraint process_check1 CHECK (((state = ANY (ARRAY['waiting'::text, 'stuck'::text])) <= (why IS NOT NULL))),
  constraint process_kind_check CHECK ((kind = ANY (ARRAY['account'::text, 'leave-projection'::text, 'tenant-export'::text, 'tenant-deletion'::text, 'erasure'::text]))),
  constraint process_last_error_check CHECK ((last_error ~ '^[a-z-]{1,60}$'::text)),
  constraint process_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'waiting'::text, 'stuck'::text, 'done'::text]))),
  constraint process_why_check CHECK ((why ~ '^[a-z-]{1,60}$'::text))
);
alter table process owner to lifecycle_owner;
CREATE INDEX process_due ON public.process USING btree (kind, tenant, due_at) WHERE (state = 'scheduled'::text);
CREATE INDEX process_leased ON public.process USING btree (tenant) WHERE (leased_until IS NOT NULL);
CREATE INDEX process_open ON public.process USING btree (state, id) WHERE (state <> 'done'::text);
CREATE INDEX process_page ON public.process USING btree (id);
alter table process enable row level security, force row level security;
create policy across_tenants on process using (current_setting('app.across_tenants'::text, true) = 'on'::text);
create policy tenant on process using (tenant = app_tenant());
grant delete, insert, select, update on process to lifecycle;

grant execute on function app_tenant() to public;
grant execute on function refuse_change() to public;
grant execute on function refuse_event_change() to public;
