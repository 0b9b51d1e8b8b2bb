-- Tenants. No row-level security: a login finds its tenant here before it has one.
create table tenant (
  id uuid primary key,
  slug text not null constraint tenant_slug unique,
  company_name text not null,
  status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1
);
grant select, insert, update on tenant to {app};

create table account (
  tenant uuid not null references tenant (id),
  id uuid not null,
  employee_id uuid,
  -- Lower case; null once erased.
  email text check (email = lower(email)),
  display_name text,
  status text not null default 'open' check (status in ('open', 'disabled', 'erased')),
  -- From then on it can neither log in nor refresh.
  active_until timestamptz,
  -- The newest version of the employee that a fact was taken from.
  source_version bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_login_at timestamptz,
  version bigint not null default 1,
  primary key (tenant, id),
  constraint account_employee unique (tenant, employee_id),
  constraint account_email unique (tenant, email),
  constraint account_erased check ((status = 'erased') = (email is null))
);
create index account_updated_at on account (tenant, updated_at);
alter table account enable row level security, force row level security;
create policy tenant on account using (tenant = app_tenant());
grant select, insert, update, delete on account to {app};

-- Whose tenant an account is: the OIDC library knows an account by its id alone.
create table account_tenant (
  account uuid primary key,
  tenant uuid not null,
  foreign key (tenant, account) references account (tenant, id) on delete cascade
);
create index account_tenant_tenant on account_tenant (tenant);
grant select, insert on account_tenant to {app};

-- Apart from the account, so that no read of accounts ever carries a hash.
create table credential (
  tenant uuid not null,
  account uuid not null,
  password_hash text not null check (password_hash like '$argon2id$%'),
  changed_at timestamptz not null default now(),
  primary key (tenant, account),
  foreign key (tenant, account) references account (tenant, id) on delete cascade
);
alter table credential enable row level security, force row level security;
create policy tenant on credential using (tenant = app_tenant());
grant select, insert, update, delete on credential to {app};

-- Provisioned roles follow from the employment, granted ones were given by people; neither overwrites the other.
create table role_assignment (
  tenant uuid not null,
  account uuid not null,
  source text not null check (source in ('provisioned', 'granted')),
  role text not null check (role in ('operator', 'hr-admin', 'manager', 'employee')),
  reach text not null check (reach in ('self', 'reports', 'all')),
  primary key (tenant, account, source, role),
  foreign key (tenant, account) references account (tenant, id) on delete cascade,
  constraint role_reach check (
    (role in ('hr-admin', 'operator')) or (role = 'manager' and reach <> 'all') or (role = 'employee' and reach = 'self')),
  constraint role_provisioned check (source = 'granted' or role in ('employee', 'manager'))
);
alter table role_assignment enable row level security, force row level security;
create policy tenant on role_assignment using (tenant = app_tenant());
grant select, insert, update, delete on role_assignment to {app};

-- One open invitation an account; only the hash of its secret is kept.
create table invitation (
  tenant uuid not null,
  account uuid not null,
  secret_hash text not null,
  expires_at timestamptz not null,
  primary key (tenant, account),
  foreign key (tenant, account) references account (tenant, id) on delete cascade
);
alter table invitation enable row level security, force row level security;
create policy tenant on invitation using (tenant = app_tenant());
grant select, insert, update, delete on invitation to {app};

-- OAuth clients. Those of the platform have no tenant; a partner's machine client belongs to one.
create table client (
  id text primary key,
  tenant uuid references tenant (id),
  name text not null,
  -- SHA-256 of a random secret of 256 bits, which needs no slow hash.
  secret_hash text,
  -- role:reach, for client credentials
  roles text[] not null default '{}',
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  constraint client_machine check ((tenant is null) = (secret_hash is null))
);
create index client_tenant on client (tenant);
grant select, insert, update, delete on client to {app};

-- Relative URIs are those of the edge (PUBLIC_URL).
insert into client (id, name, metadata) values
  ('staffmesh-web', 'Staffmesh', '{
    "application_type": "web",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": ["/docs/oauth2-redirect.html"],
    "post_logout_redirect_uris": ["/docs/"]}'),
  ('staffmesh-cli', 'Staffmesh on the command line', '{
    "application_type": "native",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": ["http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"]}');

-- What the OIDC library keeps: sessions, interactions, grants, codes, refresh tokens.
create table oidc_artifact (
  model text not null,
  -- Codes and refresh tokens are bearer secrets: their SHA-256 is kept in place of them.
  id text not null,
  -- Not jsonb, which takes no \u0000: a client's `state` may hold anything.
  payload json not null,
  account uuid,
  grant_id text,
  uid text,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (model, id)
);
create index oidc_artifact_account on oidc_artifact (account) where account is not null;
create index oidc_artifact_grant on oidc_artifact (grant_id) where grant_id is not null;
create index oidc_artifact_uid on oidc_artifact (uid) where uid is not null;
create index oidc_artifact_expires_at on oidc_artifact (expires_at);
grant select, insert, update, delete on oidc_artifact to {app};

-- Failed logins, by keyed hash of the account's name or of the address.
create table login_throttle (
  kind text not null check (kind in ('account', 'address')),
  key text not null,
  failures int not null check (failures >= 0),
  blocked_until timestamptz not null,
  last_at timestamptz not null,
  primary key (kind, key)
);
create index login_throttle_last_at on login_throttle (last_at);
grant select, insert, update, delete on login_throttle to {app};
