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

create table account (
  tenant uuid not null,
  id uuid not null,
  employee_id uuid,
  email text,
  display_name text,
  status text not null default 'open'::text,
  active_until timestamp with time zone,
  source_version bigint not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  last_login_at timestamp with time zone,
  version bigint not null default 1,
  constraint account_pkey PRIMARY KEY (tenant, id),
  constraint account_email UNIQUE (tenant, email),
  constraint account_employee UNIQUE (tenant, employee_id),
  constraint account_email_check CHECK ((email = lower(email))),
  constraint account_erased CHECK (((status = 'erased'::text) = (email IS NULL))),
  constraint account_status_check CHECK ((status = ANY (ARRAY['open'::text, 'disabled'::text, 'erased'::text]))),
  constraint account_tenant_fkey FOREIGN KEY (tenant) REFERENCES tenant(id)
);
alter table account owner to identity_owner;
CREATE INDEX account_updated_at ON public.account USING btree (tenant, updated_at);
alter table account enable row level security, force row level security;
create policy tenant on account using (tenant = app_tenant());
grant delete, insert, select, update on account to identity;

create table account_tenant (
  account uuid not null,
  tenant uuid not null,
  constraint account_tenant_pkey PRIMARY KEY (account),
  constraint account_tenant_tenant_account_fkey FOREIGN KEY (tenant, account) REFERENCES account(tenant, id) ON DELETE CASCADE
);
alter table account_tenant owner to identity_owner;
CREATE INDEX account_tenant_tenant ON public.account_tenant USING btree (tenant);
grant insert, select on account_tenant to identity;

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
alter table audit owner to identity_owner;
CREATE INDEX audit_object ON public.audit USING btree (tenant, object, object_id, id);
alter table audit enable row level security, force row level security;
create policy tenant on audit using (tenant = app_tenant());
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
grant insert, select on audit to identity;

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
alter table audit_value owner to identity_owner;
CREATE INDEX audit_value_object ON public.audit_value USING btree (tenant, object, object_id);
alter table audit_value enable row level security, force row level security;
create policy tenant on audit_value using (tenant = app_tenant());
CREATE TRIGGER audit_value_append_only BEFORE UPDATE ON public.audit_value FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant delete, insert, select on audit_value to identity;

create table client (
  id text not null,
  tenant uuid,
  name text not null,
  secret_hash text,
  roles text[] not null default '{}'::text[],
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint client_pkey PRIMARY KEY (id),
  constraint client_machine CHECK (((tenant IS NULL) = (secret_hash IS NULL))),
  constraint client_tenant_fkey FOREIGN KEY (tenant) REFERENCES tenant(id)
);
alter table client owner to identity_owner;
CREATE INDEX client_tenant ON public.client USING btree (tenant);
grant delete, insert, select, update on client to identity;

create table credential (
  tenant uuid not null,
  account uuid not null,
  password_hash text not null,
  changed_at timestamp with time zone not null default now(),
  constraint credential_pkey PRIMARY KEY (tenant, account),
  constraint credential_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text)),
  constraint credential_tenant_account_fkey FOREIGN KEY (tenant, account) REFERENCES account(tenant, id) ON DELETE CASCADE
);
alter table credential owner to identity_owner;
alter table credential enable row level security, force row level security;
create policy tenant on credential using (tenant = app_tenant());
grant delete, insert, select, update on credential to identity;

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
alter table event owner to identity_owner;
CREATE INDEX event_unsequenced ON public.event USING btree (number) WHERE ("position" IS NULL);
CREATE TRIGGER event_append_only BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
CREATE TRIGGER event_kept BEFORE DELETE ON public.event FOR EACH ROW EXECUTE FUNCTION refuse_change();
grant insert, select on event to identity;
grant update (position) on event to identity;

create table feed (
  only_row boolean not null default true,
  incarnation uuid not null,
  place text not null,
  last_position bigint not null default 0,
  constraint feed_pkey PRIMARY KEY (only_row),
  constraint feed_only_row_check CHECK (only_row)
);
alter table feed owner to identity_owner;
grant select, update on feed to identity;

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
alter table idempotency owner to identity_owner;
CREATE INDEX idempotency_created_at ON public.idempotency USING btree (created_at);
alter table idempotency enable row level security, force row level security;
create policy expire on idempotency to identity_worker using (created_at < (now() - '24:00:00'::interval));
create policy tenant on idempotency using (tenant = app_tenant());
grant delete, select on idempotency to identity_worker;
grant insert, select, update on idempotency to identity;

create table invitation (
  tenant uuid not null,
  account uuid not null,
  secret_hash text not null,
  expires_at timestamp with time zone not null,
  constraint invitation_pkey PRIMARY KEY (tenant, account),
  constraint invitation_tenant_account_fkey FOREIGN KEY (tenant, account) REFERENCES account(tenant, id) ON DELETE CASCADE
);
alter table invitation owner to identity_owner;
alter table invitation enable row level security, force row level security;
create policy tenant on invitation using (tenant = app_tenant());
grant delete, insert, select, update on invitation to identity;

create table login_throttle (
  kind text not null,
  key text not null,
  failures integer not null,
  blocked_until timestamp with time zone not null,
  last_at timestamp with time zone not null,
  constraint login_throttle_pkey PRIMARY KEY (kind, key),
  constraint login_throttle_failures_check CHECK ((failures >= 0)),
  constraint login_throttle_kind_check CHECK ((kind = ANY (ARRAY['account'::text, 'address'::text])))
);
alter table login_throttle owner to identity_owner;
CREATE INDEX login_throttle_last_at ON public.login_throttle USING btree (last_at);
grant delete, insert, select, update on login_throttle to identity;

create table migration (
  unit text not null,
  name text not null,
  at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (unit, name)
);
alter table migration owner to identity_owner;
grant select on migration to identity;

create table oidc_artifact (
  model text not null,
  id text not null,
  payload json not null,
  account uuid,
  grant_id text,
  uid text,
  consumed_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  constraint oidc_artifact_pkey PRIMARY KEY (model, id)
);
alter table oidc_artifact owner to identity_owner;
CREATE INDEX oidc_artifact_account ON public.oidc_artifact USING btree (account) WHERE (account IS NOT NULL);
CREATE INDEX oidc_artifact_expires_at ON public.oidc_artifact USING btree (expires_at);
CREATE INDEX oidc_artifact_grant ON public.oidc_artifact USING btree (grant_id) WHERE (grant_id IS NOT NULL);
CREATE INDEX oidc_artifact_uid ON public.oidc_artifact USING btree (uid) WHERE (uid IS NOT NULL);
grant delete, insert, select, update on oidc_artifact to identity;

create table role_assignment (
  tenant uuid not null,
  account uuid not null,
  source text not null,
  role text not null,
  reach text not null,
  constraint role_assignment_pkey PRIMARY KEY (tenant, account, source, role),
  constraint role_assignment_reach_check CHECK ((reach = ANY (ARRAY['self'::text, 'reports'::text, 'all'::text]))),
  constraint role_assignment_role_check CHECK ((role = ANY (ARRAY['operator'::text, 'hr-admin'::text, 'manager'::text, 'employee'::text]))),
  constraint role_assignment_source_check CHECK ((source = ANY (ARRAY['provisioned'::text, 'granted'::text]))),
  constraint role_provisioned CHECK (((source = 'granted'::text) OR (role = ANY (ARRAY['employee'::text, 'manager'::text])))),
  constraint role_reach CHECK (((role = ANY (ARRAY['hr-admin'::text, 'operator'::text])) OR ((role = 'manager'::text) AND (reach <> 'all'::text)) OR ((role = 'employee'::text) AND (reach = 'self'::text)))),
  constraint role_assignment_tenant_account_fkey FOREIGN KEY (tenant, account) REFERENCES account(tenant, id) ON DELETE CASCADE
);
alter table role_assignment owner to identity_owner;
alter table role_assignment enable row level security, force row level security;
create policy tenant on role_assignment using (tenant = app_tenant());
grant delete, insert, select, update on role_assignment to identity;

create table tenant (
  id uuid not null,
  slug text not null,
  company_name text not null,
  status text not null default 'active'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version bigint not null default 1,
  constraint tenant_pkey PRIMARY KEY (id),
  constraint tenant_slug UNIQUE (slug),
  constraint tenant_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'deleted'::text])))
);
alter table tenant owner to identity_owner;
grant insert, select, update on tenant to identity;

grant execute on function app_tenant() to public;
grant execute on function refuse_change() to public;
grant execute on function refuse_event_change() to public;
