-- What the review's cookies are signed with, beside the token; and which of them were signed out before they ended.

create table review_secret (
    id   integer primary key check (id = 1),
    salt blob    not null check (length(salt) = 32)
) strict;
insert into review_secret (id, salt) values (1, randomblob(32));

create table review_sign_out (
    id         blob    not null primary key check (length(id) = 16),
    -- When the cookie ends by itself: then the row says nothing any more.
    expires_at integer not null
) strict, without rowid;
