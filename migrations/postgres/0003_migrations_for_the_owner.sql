-- What migrations were done is written by who may change the tables: everybody else only reads it, as a server does at a start.

do $$
declare
    other text;
begin
    for other in
        select distinct case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
        from pg_class, aclexplode(relacl)
        where oid = to_regclass('_sqlx_migrations') and grantee <> relowner
    loop
        execute 'revoke insert, update, delete on _sqlx_migrations from ' || other;
    end loop;
end $$;
