# What people read in the review, in English. This file says which messages there are, and what each is told: the build
# makes a type of each (build.rs). The other languages have the same messages; CONTRIBUTING.md says how one is added.
#
# Names of people and rooms come isolated, so that they may stand anywhere, whatever their writing direction.

## The language itself

# As its readers call it, for those who look for it among others.
language-name = English
# Who reads another language chooses here.
languages = Languages

## How sentences are put together

sentence = { $clause }.
clauses = { $first }; { $second }
two-sentences = { $first } { $second }
others = { $count ->
    [1] one other
   *[other] { $count } others
}
people = { $count ->
    [one] { $count } person
   *[other] { $count } people
}
invisible-name = (invisible name)

## Numbers and lengths of time

times = { $count ->
    [1] once
    [2] twice
   *[other] { $count } times
}
per-cent = { $number } %
part-of = { $part } of { $whole }
part-of-length = { $part } of { $whole },
part-of-minutes = { $part } of { $whole } min,
length-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
length-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
length-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
duration-seconds = { $seconds } s
duration-minutes = { $minutes } min
duration-minutes-and-seconds = { $minutes } min { $seconds } s
duration-hours-and-minutes = { $hours } h { $minutes } min

## Moments

until = until { $time } UTC
time-left = { $duration } left
gone-any-moment = gone any moment
zone-that-changes = { $zone } ({ $first }, then { $last })
zones-that-change = { $first }, then { $last }

## What is on every page

review = Review
to-the-content = To the content
sessions = Sessions
rooms-now = Rooms now
times-in = Times in { $zone }
connection-lost = connection lost, trying again
rest-api = The REST API
sign-out = Sign out

links-for-a-class = Links for a class
invite-lead = Whoever opens such a link can join until it expires. A link for one person joins under that name only.
invite-needs-secret = On this server nobody needs a link to join. Whoever runs it can change that, by { $setting }.
invite-room = Room; * for any text
invite-hours = Hours until they expire
invite-page = The page where people join
invite-names = Names, one a line; none for one link for all
invite-make = Make the links
invitations-for = Links for { $room }
invitations-until = They are good until { $moment }. They are kept nowhere: print or copy them now.
invitation-for-all = Link for all
invitations-as-text = As text, to copy
project-this = Project this
pages = Pages
from-day = From
to-day = To
search = Search
show = Show
show-all = Show all
live = live
present = present
away = away
came-back = came back
did-not-come-back = did not come back
refused = refused
column-room = Room

## The page with the address, for a wall

open-this-address = Open this address, or point a phone at the picture
qr-code-of = QR code of { $address }
addresses-of-server = Addresses of the server
# Pupils read this.
browser-warns = The browser warns that nobody has vouched for this address: choose “Advanced” or “Show details” there, and go on.
# The settings are what one types.
only-this-machine = Only this machine reaches the server. With { $setting } others do, too.
no-camera-without-https = At this address browsers give pages no camera. With { $setting } they do.

## Review links: others read one session or one room

review-links = Review links
review-links-lead = A review link shows one session, or all sessions of one room, to whoever has it, until it ends or you revoke it. It changes nothing. Make one on the page of a session, or where the sessions of a room are listed.
share-session = Share this session
share-room = Share this room
link-to-session = Whoever has the link can read this session of { $room }, { $moment }: nothing else, and change nothing.
link-to-room = Whoever has the link can read all sessions of { $room }, also those to come: nothing else, and change nothing.
link-for-whom = For whom
link-for-how-long = Good for
for-an-hour = an hour
for-a-day = a day
for-a-week = a week
for-a-term = a term (183 days)
make-the-link = Make the link
links-that-are-good = Links that are good
no-review-links = None.
all-sessions = all sessions
column-session = Session
column-made = Made
column-ends = Ends
revoke = Revoke
review-link-for = Review link for { $name }
# The list is where all links are.
review-link-until = It is good until { $moment }, or until you revoke it under { $list }. It is kept nowhere: copy it now.
qr-code-of-link = QR code of the link
# At the foot of what somebody sees by such a link.
seen-by-link = You see this by a link that ends on { $moment }.
to-what-is-shared = To what your link shows
link-not-ours = This is no review link of this server, or not all of one. Copy it whole, or ask for another.
link-ended = This review link has ended. Ask whoever gave it to you for another.
link-revoked = This review link was revoked, or what it showed was removed.
link-opens-other = Your review link does not open this: it shows one session, or the sessions of one room, and changes nothing.
no-such-link = There is no such review link: it was revoked, has ended, or went with its session.
too-many-links = There are { $most } review links already, which is the most. Revoke one first.
no-such-room = No room of this name has ever been used.

## The locked page

locked = Locked
review-is-locked = The review is locked
wrong-token = This token is not the right one.
how-to-unlock = Open the link that the server printed at its start ({ $line }), or enter the review token. Where { $setting } is set, that is the token.
review-token = Review token
open = Open

## What is refused

to-all-sessions = To all sessions
refused-title = { $status ->
    [400] Bad Request
    [403] Forbidden
    [404] Not Found
    [503] Service Unavailable
   *[other] Refused
}
# A parameter of the address; the reason reads on after its name.
refused-parameter = { $name } { $reason }.
refused-missing-parameter = { $name } is missing.
refused-unknown-parameter = There is no parameter of this name here. Known are: { $known }.
no-parameters = none
broken-address = This link is not whole: part of it may have been lost when it was copied.
refused-twice = The parameter is given more than once.
refused-query = The query is not valid percent-encoded UTF-8.
refused-from-elsewhere = By its cookie only the review's own pages may ask this. Send the token in the Authorization header.
no-such-path = There is nothing at this path.
no-such-session = There is no session of this id.
session-goes-on = This session goes on. It can be removed once it is over. Nothing was changed.
person-goes-on = This person took part in a session that goes on. They can be erased once it is over. Nothing was changed.
room-not-in-use = No session goes on in this room: it has ended, or there was none. Nothing was changed.
not-in-room = Nobody of this name is in the room. Nothing was changed.
too-many-barred = As many people are kept out of this room as it remembers. Lock or close it instead. Nothing was changed.
not-changed = The history cannot be changed for now. What was asked may still be done: look again in a while.
history-away = The history cannot be read for now: its database does not answer. Try again in a moment.
went-wrong = Something went wrong in the server. Its log says what.
refused-otherwise = The server refused this: { $detail }

## What a teacher does to a room

remove-close-lock = Remove, close, lock
act-on-room = Act on { $room }
remove-somebody = Remove somebody
remove-without-tokens = They may not come back meanwhile, by their page or under this name. Nobody needs a link to join here: this stops nobody who takes another name.
remove-with-tokens = They may not come back meanwhile, by their page, under this name, or with a link of their own. Who has a link for all may take another name.
minutes-kept-out = Minutes they are kept out
remove = Remove
close-the-room = Close the room
close-means = Everybody is removed, and nobody comes in meanwhile.
minutes-closed = Minutes it stays closed
lock-the-room = Lock the room
room-is-locked = The room is locked
unlock-the-room = Unlock the room
closed-and-kept-out = Closed, or kept out
closed-until = Closed until { $moment }
open-again = Open it again
kept-out-until = { $who } is kept out until { $moment }
let-back-in = Let them back in
lock-means = While it is locked nobody new comes in; who drops may come back. It ends with the session.

## Removing a session, erasing a person

remove-the-session = Remove the session
removal-takes = This removes the session of { $moment } with { $people ->
    [one] { $people } person
   *[other] { $people } people
}: their attendance, who connected with whom, and the log.
cannot-be-undone = It cannot be undone.
erase-person = Erase this person
erase-who = Erase { $who }
nobody-to-erase = Nobody of this name is in the history.
erasure-takes = A name that says nothing takes the place of this one, everywhere: in { $sessions ->
    [one] { $sessions } session
   *[other] { $sessions } sessions
}, { $connections ->
    [one] { $connections } stretch of presence
   *[other] { $connections } stretches of presence
}, { $links ->
    [one] { $links } connection with somebody
   *[other] { $links } connections with somebody
} and { $events ->
    [one] { $events } entry of the log
   *[other] { $events } entries of the log
}. Totals stay as they are.

## The list of sessions

no-room-in-use = No room is in use now.
rooms-in-use = { $rooms ->
    [one] { $rooms } room
   *[other] { $rooms } rooms
} in use now.
more-rooms-in-use = More than { $rooms ->
    [one] { $rooms } room
   *[other] { $rooms } rooms
} in use now.
last-session-fine = The last session had no trouble.
last-sessions-fine = None of the last { NUMBER($over) } sessions had trouble.
last-session-troubled = The last session had trouble.
last-sessions-troubled = { NUMBER($troubled) } of the last { NUMBER($over) } sessions had trouble.
room-or-person = Room or person
days = Days
no-session-fits = No session fits exactly. Days are taken by your clock.
no-newer-session-fits = No session fits exactly among the newest ones; older ones may. Days are taken by your clock.
similar-rooms = Rooms of a similar name:
similar-people-found = People of a similar name:
look-further-for-rooms = Look further for similar rooms
look-further-for-names = Look further for similar names
no-session-yet = No session yet. A session begins when somebody joins a room.
first-join = Open the page that this server serves, and join a room. The session appears here at once.
first-example = The quickest way to a first one is the example:
copy-the-command = Copy the command
copied = Copied
first-build = Build it and serve it: { $build }, then start the server with { $setting }.
first-open = Open { $address }, and join a room. The session appears here at once.
first-own-page = Or have a page of your own connect with { $client }, and send { $join }.
sessions-of-that-person = Sessions of the person of this name
person-over-time = { $person } over time, with totals
similar-people = People of a similar name
column-began = Began
column-length = Length
column-people = People
people-over-time = People over time
column-wrong = What went wrong
more-sessions-live = More sessions go on than are shown here: all of them are among the { $link }.
among-rooms-now = rooms now
newer-sessions = Newer sessions
older-sessions = Older sessions
people-unit = { $count ->
    [one] person
   *[other] people
}
drops-that-came-back = { $count ->
    [one] { $count } drop that came back
   *[other] { $count } drops that came back
}
messages-refused = { $count ->
    [one] { $count } message refused
   *[other] { $count } messages refused
}
strip-of-session = At most { $people ->
    [one] { $people } person
   *[other] { $people } people
} at once, { $drops ->
    [one] { $drops } drop
   *[other] { $drops } drops
}
# A session that is much longer than the others of the page.
strip-goes-on = it goes on beyond the edge, after { $length }
strip-later-drops = { $drops ->
    [one] { $drops } drop was later
   *[other] { $drops } drops were later
}
strip-later-losses = { $people ->
    [one] { $people } person was lost later
   *[other] { $people } people were lost later
}

## The rooms now

people-in-rooms = { $people ->
    [one] { $people } person
   *[other] { $people } people
} in { $rooms ->
    [one] { $rooms } room
   *[other] { $rooms } rooms
}.
nobody-in-rooms = Nobody is in a room. Who joins one appears here at once.
here-since = { $here ->
    [0] everybody is away; in use since { $moment }
   *[other] { $here } here, since { $moment }
}
away-until = away, { $countdown }
since-when = Since when
column-now = Now
column-since = Since
more-rooms = More rooms
strip-of-room = The last 15 minutes: { $here ->
    [one] { $here } person
   *[other] { $here } people
} now, { $drops ->
    [one] { $drops } drop
   *[other] { $drops } drops
} in all

## People

people-of-all-rooms = People
part-of-a-name = Part of a name
no-name-so-far = None of the first names in order holds that; later ones may.
no-such-name = Nobody of such a name was in a room.
no-further-name = No further name holds that.
look-further = Look further
sessions-of-name = { $count ->
    [one] { $count } session
   *[other] { $count } sessions
}
sessions-of-name-or-more = { NUMBER($count) } sessions or more

## One person

sessions-of-this-person = Sessions of this person
nobody-of-this-name = Nobody of this name was in a room. Names count as typed, also capital and small letters.
nobody-of-this-name-then = Nobody of this name was in a room in these days. Names count as typed, also capital and small letters.
look-for-similar-names = Look for similar names
column-when = When
column-there-when = There when
newest-sessions = Newest sessions
came-back-often = came back { $often }
never-connected-with = { $others ->
    [one] never connected with { $others } other
   *[other] never connected with { $others } others
}
no-session = No session.
person-totals = { $sessions ->
    [one] { $sessions } session
   *[other] { $sessions } sessions
}, { $length } present.
person-newest-totals = The newest { $sessions ->
    [one] { $sessions } session
   *[other] { $sessions } sessions
}, { $length } present.
never-dropped = never dropped
away-now-in = away now in { $rooms }
dropped-and-came-back = dropped and came back { $back }
did-not-come-back-often = { $sessions ->
    [one] did not come back in { $sessions } session
   *[other] did not come back in { $sessions } sessions
}
# In so many of the sessions below.
never-connected-below = missed connections in { NUMBER($sessions) } below

## One session: its head

title-of-session = { $room }, { $day }
from-to = { $from } to { $to }
number-more = { NUMBER($count) } more
only-some-people = Picture, attendance and connections show { NUMBER($shown) } of the { NUMBER($all) } people; tables to take along have all.
so-many-people = So many are listed by name, and cannot be sorted.
which-people = Which people are shown
first-people = The first by name
people-after = Those after { $name }
on-this-page = On this page
attendance = Attendance
connections = Connections
log = Log
picture = Picture
lead-ended = { $people ->
    [one] { $people } person
   *[other] { $people } people
}, { $length }.
lead-live = Live for { $length }, { NUMBER($here) } of { NUMBER($people) } here.
lead-live-many = Live for { $length }, { $people ->
    [one] { $people } person
   *[other] { $people } people
} so far.
too-many-to-tell = { $drops ->
    [one] { $drops } drop was
   *[other] { $drops } drops were
} made good; too many people to tell of each.
are-away = { $count ->
    [one] { $who } is away
   *[other] { $who } are away
}
away-since = { $count ->
    [one] { $who } has been away since { $moments }
   *[other] { $who } have been away since { $moments }
}.
who-did-not-come-back = { $who } did not come back
contact-lost = { $who } did not come back: contact was lost at { $moments }.
who-came-back = { $who } dropped and came back
who-came-back-often = { $who } dropped and came back { $often }
longest-gap = longest gap { $duration }
nobody-connected = nobody connected with anybody
who-never-connected = { $who } never connected
who-met-nobody = { $who } never connected with anyone
who-missed-others = { $who } never connected with { NUMBER($others) } others
pairs-never-connected = { $pairs ->
    [one] { $pairs } pair never connected
   *[other] { $pairs } pairs never connected
}
pairs-lost = { $pairs ->
    [one] { $pairs } pair lost each other
   *[other] { $pairs } pairs lost each other
}
screens-missing = { $screens ->
    [one] { $screens } shared screen did not arrive
   *[other] { $screens } shared screens did not arrive
}
nobody-dropped = nobody dropped
nobody-else-came = nobody else came, and nothing went wrong
nobody-met = no two were there at the same time; nobody dropped
# Whoever leaves within half a minute has given nobody the time to connect: that is no failure.
nobody-stayed = no two were together for long enough to connect; nobody dropped
some-still-connecting = nobody dropped; some are still connecting
some-unknown-nobody-dropped = { $pairs ->
    [one] nobody dropped; it is not known if { $pairs } pair had video
   *[other] nobody dropped; it is not known if { $pairs } pairs had video
}
all-exchanged-nobody-dropped = nobody dropped; it is not known whether video came
two-connected-nobody-dropped = the two connected, and nobody dropped
all-connected-nobody-dropped = all who met connected, and nobody dropped
all-who-stayed-connected = all who were together for long enough connected, and nobody dropped
server-was-away = the server was away
server-was-away-often = the server was away { $often }
all-lost-contact = all lost contact at once
all-lost-contact-often = all lost contact at once { $often }
outage-but = { $outage }, and { $who } did not come back
server-restarted-at = The server was restarted, or its machine slept, at { $moments }
all-lost-contact-at = All lost contact at once, so it was the network or the server, at { $moments }
more-times = { $count ->
    [one] { $count } more time
   *[other] { $count } more times
}
all-back-within = all came back within { $duration }
nobody-came-back = nobody came back
messages-refused-by-server = { $count ->
    [one] the server refused { $count } message
   *[other] the server refused { $count } messages
}

## One session: its picture

who-was-there-when = Who was there when
how-to-point = Point at a bar or a mark, or tap it, for the exact time.
marks-end = too much happened: marks end at { $moment }
goes-on = { $day }, { $zone }, still going on
on-day = { $day }, { $zone }
outside-the-room = not in the room
somebody-outside = Somebody outside
bar-present = { $name } present { $from } to { $to } ({ $duration })
bar-away = { $name } away { $from } to { $to } ({ $duration })
mark-came-back = { $name } came back at { $time }
mark-came-back-often = { $name } came back at { $time }, { NUMBER($count) } times
mark-refused = { $name } was refused something at { $time }
mark-refused-often = { $name } was refused something at { $time }, { NUMBER($count) } times
mark-lost = { $name } did not come back, given up at { $time }
came-at = came { $time }
left-at = left { $time }
now-at = Now, { $time }
more-people-not-drawn = { $count ->
    [one] { $count } person is not drawn: these are the first by name
   *[other] { $count } people are not drawn: these are the first by name
}

## One session: its attendance

by-attention = By what needs attention: who was lost, then connections missed, drops, and share.
by-name = By name.
# Stands before the heads of the columns, on a phone.
sort-by = Or by:
sort-by-attention = By what needs attention
table-of-attendance = Table of attendance
column-name = Name
column-present = Present
column-share = Share
column-connected = Connected
column-came = Came
column-left = Left
column-longest-gap = Longest gap
column-came-back = Came back
column-ending = How it ended
connected-unit = connected
times-came-back = × came back
take-along = Take along:
take-attendance = attendance for a spreadsheet
take-log = log for a spreadsheet
take-picture = picture
ending-here = here now
ending-away = away now
ending-left = left
ending-closed = closed the page
ending-timeout = dropped, did not come back
ending-replaced = joined again elsewhere
ending-moved = went to another room
ending-removed = removed by a teacher
ending-server = did not come back after the server stopped
ending-gap = gone, how and when was not recorded

# Its table for a spreadsheet

table-date = Date
table-came = Came ({ $zone })
table-left = Left ({ $zone })
table-minutes = Minutes
table-per-cent = Present (%)

## One session: its pairs

-no-way = no way between their networks (TURN would help)
among-shown = Among the { NUMBER($shown) } people shown here:
most-missed = { NUMBER($shown) } of the { NUMBER($all) } people, who missed the most before the others:
who-with-whom = Who connected with whom
sign-empty = empty: never there at the same time
pair-by-pair = Pair by pair
and-more-pairs = And { NUMBER($count) } more: { $link }.
all-pairs-as-json = all pairs as JSON
cell-never-met = never there at the same time
cell-screen-missed = connected, but a shared screen did not arrive
cell-connected = connected
cell-waiting = still connecting
cell-unknown = not known
and-unknown = , { NUMBER($unknown) } more not known
cell-lost = lost each other
cell-never = never connected
cell-parted = parted too soon
no-two-met = No two people were there at the same time.
everything-exchanged = Everything was exchanged; the pages did not say whether video came.
the-two-connected = The two connected.
all-pairs-connected = All { NUMBER($pairs) } pairs connected.
pairs-known = { $pairs ->
    [one] { $pairs } pair was
   *[other] { $pairs } pairs were
} there at the same time: { NUMBER($good) } connected
pairs-so-far = { $pairs ->
    [one] { $pairs } pair was
   *[other] { $pairs } pairs were
} there at the same time: { NUMBER($good) } connected so far
pairs-in-all = { $pairs ->
    [one] { $pairs } pair was
   *[other] { $pairs } pairs were
} there at the same time: { NUMBER($good) } connected, { NUMBER($bad) } did not
pairs-parted = { $count ->
    [one] { $count } pair
   *[other] { $count } pairs
} parted before there was time to connect
pairs-unknown = of { NUMBER($count) } the pages did not say whether video came
pair-no-offer = { $one } and { $other } never connected: neither made an offer
pair-hung-up = { $one } and { $other } never connected: what { $offerer } had offered was hung up before an answer
pair-no-answer = { $one } and { $other } never connected: { $offerer }'s offer was never answered
pair-parted = { $one } and { $other } parted before there was time to connect
pair-waiting = { $one } and { $other } are still connecting
pair-exchanged = { $one } and { $other } exchanged everything; their pages did not say whether video came
pair-failed = { $one } and { $other } never connected: { -no-way }
pair-lost = { $one } and { $other } were connected, and then lost each other
pair-connected = { $one } and { $other } connected
pair-connected-straight = { $one } and { $other } connected, straight
pair-connected-router = { $one } and { $other } connected, through a router
pair-connected-relay = { $one } and { $other } connected, by a TURN server
screen-never-reached = { $sharer }'s shared screen never reached { $other }: { -no-way }
screen-no-answer = { $sharer }'s shared screen never reached { $other }: no offer of it was answered
screen-lost = { $sharer }'s shared screen was lost on its way to { $other }
anyone = anyone
everyone = everyone
one-failed = { $one } never connected with { $others }: { -no-way }.
one-no-answer = { $number ->
    [one] { $one }'s offer to { $others } was never answered.
   *[other] { $one }'s offers to { $others } were never answered.
}
others-no-answer = The offers of { $others } to { $one } were never answered.
one-hung-up = { $number ->
    [one] What { $one } offered to { $others } was hung up before an answer.
   *[other] What { $one } offered to { $others } was hung up before they answered.
}
others-hung-up = What { $others } offered to { $one } was hung up before an answer.
one-no-offer = { $one } never connected with { $others }: no offer was made.
one-lost = { $number ->
    [one] { $one } and { $others } were connected, and then lost each other.
   *[other] { $one } was connected with { $others }, and then lost them.
}
one-screen-failed = { $one }'s shared screen never reached { $others }: { -no-way }.
others-screens-failed = The shared screens of { $others } never reached { $one }: { -no-way }.
one-screen-no-answer = { $one }'s shared screen never reached { $others }: no offer of it was answered.
others-screens-no-answer = The shared screens of { $others } never reached { $one }: no offer of them was answered.
one-screen-lost = { $one }'s shared screen was lost on its way to { $others }.
others-screens-lost = The shared screens of { $others } were lost on their way to { $one }.
each-failed = { $people } never connected with each other: { -no-way }.
each-no-answer = { $people } never connected with each other: no offer was answered.
each-hung-up = { $people } never connected with each other: what was offered was hung up before an answer.
each-no-offer = { $people } never connected with each other: no offer was made.
many-failed = { NUMBER($pairs) } pairs among { $people } never connected: { -no-way }.
many-no-answer = { NUMBER($pairs) } pairs among { $people } never connected: no offer was answered.
many-hung-up = { NUMBER($pairs) } pairs among { $people } never connected: what was offered was hung up before an answer.
many-no-offer = { NUMBER($pairs) } pairs among { $people } never connected: no offer was made.
many-lost = { NUMBER($pairs) } pairs among { $people } were connected, and then lost each other.
many-screens-failed = { NUMBER($pairs) } shared screens among { $people } never arrived: { -no-way }.
many-screens-no-answer = { NUMBER($pairs) } shared screens among { $people } never arrived: no offer of them was answered.
many-screens-lost = { NUMBER($pairs) } shared screens among { $people } were lost on their way.

## One session: its log

what-log-shows = What the log shows
log-everything = Everything
log-wrong = What went wrong
log-presence = Coming and going
nothing-happened = Nothing of the kind happened.
nothing-happened-here = Nothing of the kind happened in these entries.
detail = Detail
each = Each
earlier-entries = Earlier entries
later-entries = Later entries
sessions-of-this-room = Sessions of this room
all-of-this-room = All sessions of this room
one-before = The one before
one-after = The one after
somebody = Somebody
session-began = The session began.
session-over = The session was over.
who-came-in = { $who } came in.
who-came-in-among = { $who } came in: { $members ->
    [one] { $members } person
   *[other] { $members } people
} in the room.
who-left = { $who } left.
who-closed = { $who } had closed the page, and is gone.
who-timed-out = { $who } did not come back in time, and is gone.
who-was-replaced = { $who } joined again elsewhere, and is gone from here.
who-moved = { $who } went to another room.
who-was-removed = { $who } was removed by a teacher.
teacher-removed = A teacher removed { $who }.
teacher-closed = A teacher closed the room: everybody was removed.
teacher-locked = A teacher locked the room: nobody new came in from then on.
teacher-unlocked = A teacher unlocked the room.
teacher-acted = A teacher did something to the room.
who-lost-server = { $who } did not come back after the server stopped, and is gone.
who-is-gone = { $who } is gone; how and when was not recorded.
who-dropped = { $who } dropped.
who-dropped-closed = { $who } dropped: the page closed the connection.
who-dropped-reset = { $who } dropped: the connection broke.
who-dropped-silent = { $who } dropped: the network went silent.
who-dropped-stalled = { $who } dropped: the page stopped reading.
who-dropped-rate = { $who } dropped: the page sent more than a limit allows.
who-dropped-server = { $who } dropped: the server stopped, or ended the connection.
who-is-back = { $who } came back.
entries-missing = { $count ->
    [one] { $count } entry is
   *[other] { $count } entries are
} missing here: the history could not be written.
several-left = { $who } left.
several-closed = { $who } closed the page.

## What the server refused

server-refused = { $count ->
    [one] The server refused { $count } message
   *[other] The server refused { $count } messages
}: { $kinds }.
who-was-refused = { $who } was refused { $what }.
who-was-refused-more = { $count ->
    [one] { $who } was refused { $count } more message.
   *[other] { $who } was refused { $count } more messages.
}
a-join = a join
a-return = a return
an-offer = an offer
an-answer = an answer
a-candidate = a network address
a-message = a message
joins = { $count ->
    [one] { $count } join
   *[other] { $count } joins
}
returns = { $count ->
    [one] { $count } return
   *[other] { $count } returns
}
offers = { $count ->
    [one] { $count } offer
   *[other] { $count } offers
}
answers = { $count ->
    [one] { $count } answer
   *[other] { $count } answers
}
candidates = { $count ->
    [one] { $count } network address
   *[other] { $count } network addresses
}
messages = { $count ->
    [one] { $count } message
   *[other] { $count } messages
}
because-repeat = { $what } under a taken name
because-invalid = { $what } in a form that the server does not read
because-not-joined = { $what } from outside the room
because-unknown-member = { $what } to nobody
because-room-full = { $what } into a full room
because-rate-limited = { $what } beyond a limit
because-unavailable = { $what } while the server could not take any
because-forbidden = { $what } without a link that is good there
because-replaced = { $what } from a page that had lost its place to another
because-removed = { $what } from a page that a teacher had removed

## The start page, as long as there is none of one's own

welcome-running = chatroom-server { $version } is running
welcome-what = It is a signaling server for video rooms: pages speak Socket.IO to it, and it passes offers, answers and candidates between the members of a room. There is no page here yet.
welcome-no-index = It serves files of { $directory }, and there is no { $index } in it: build your page into it, and load this one again.
welcome-try = To try it
welcome-example = The video room in the project's folder { $folder } is a page to start from:
welcome-connect = To connect a page of your own
welcome-from-elsewhere = A page on another port or machine loads the script from here and calls { $function } with this address. The events that it says and hears are in the README.
welcome-see = To see who was there
welcome-review = { $link }, with the link that the server printed at its start.
welcome-open-review = Open the review
welcome-review-elsewhere = The review is at an address of its own: the server printed the link at its start.

## The REST API for people

api-for-programs = A script shows the review token; the same for programs, as OpenAPI 3.1, is { $link }.
# The document is made of the following, too: programs read it in English, and people in their language. Words that
# programs compare are as they are.
api-in-english = What each operation says of itself is of the API's document, which is in English.
api-introduction = Who was in which room, when, and who connected with whom. Times are RFC 3339 in UTC, durations whole milliseconds; lists come in pages, and nextCursor asks for the next one: a page may hold fewer rows than limit, even none, and only a nextCursor of null is the end. What is refused is a problem (RFC 9457) with a code that does not change. Answers of 429 and 503 to too many questions bring Retry-After.
api-rooms = Rooms
api-sessions = Sessions
api-downloads = What can be taken along
api-live = As it happens
api-sharing = Letting others read
api-removal = Removing
api-clients = For clients
api-health = Health
api-document = For programs
api-common = What many may answer instead of what is asked for:
api-broken = Something broke in the server
api-bad-parameter = A parameter is missing, unknown, or has a bad value; the problem names it
api-no-token = The review token is missing or wrong
api-forbidden = The host name is not one the server answers to, a page of another origin asks, or a review link does not open this
api-link-over = linkOver: the review link has ended or was revoked, or what it showed was removed
api-too-many-questions = tooManyQuestions: too many questions of this address are waiting for an answer
api-busy = busy: too many questions are waiting for an answer. notReady: the database of the history does not answer
api-body-late = The body did not arrive in time
api-body-too-large = The body is too large
api-body-not-json = The body is not JSON
api-no-session = There is no session of this id
api-no-room = No room of this name has ever been used
api-operations = Operations
api-parameters-of = Parameters of: { $operation }
api-parameter = Parameter
api-place = In
api-value = Value
api-meaning = Meaning
api-in-path = path
api-in-query = query
api-in-header = header
api-needed = { $place }, needed
api-body = Body: JSON
api-anybody = Anybody may ask.
api-client = A client shows its own id as bearer token.
api-anybody-or-client = Anybody may ask; a client may show its own id as bearer token.
api-reviewers = For reviewers.

## What clients are told: the wire's errors and warnings

# A page may show it to its user, a developer reads it in the console. Fields and events are as the wire has them.
wire-held-too-long = Join a room first: what was sent before was not followed by a join in time.
wire-not-json = The message must be valid JSON.
wire-not-an-object = The message must be one JSON object.
wire-binary = Binary data is not accepted: send text.
wire-unknown-event = There is no such event.
wire-missing = { $field } is missing.
wire-twice = { $field } must be given once.
wire-not-a-string = { $field } must be a string.
wire-not-one-of = { $field } must be one of { $words }.
word-separator = { ", " }
wire-reserved = { $field }: this word is the server's own, choose another.
wire-too-many-errors = Too many refused messages: slow down.
wire-too-large-before-join = Join a room first: before that a message has at most { $kib } KiB.
wire-shutting-down = The server is shutting down.
wire-room-out-of-reach = The room cannot be reached at the moment: try again.
wire-short-id = id: fewer than 16 characters can be guessed, and whoever guesses it takes your place. Use crypto.randomUUID().
wire-too-many-connections = Too many connections are being opened from your address. Wait a moment.

# Names and other texts of clients.
wire-text-empty = { $field } must not be empty.
wire-text-too-long = { $field } must be at most { $max } characters long.
wire-text-control = { $field } must not contain control characters.
wire-text-directional = { $field } must not contain characters that turn the direction of text.
wire-text-never-shown = { $field } must not contain characters that are never shown.
wire-text-invisible = { $field } must show something.

# What the room refuses. Deployed pages know the Chinese sentence for a taken name word for word.
wire-name-taken = Someone in the room “{ $room }” already has the name “{ $name }”.
wire-name-alike = The name “{ $name }” looks like “{ $other }”, who is in this room already.
wire-other-name = username: you are in this room already, under another name; leave first.
wire-replaced = You have come back to this room on another connection, so this one is over.
wire-room-full = The room “{ $room }” is full: it takes { $capacity } members.
wire-too-many-people = This session takes no more names: { $people } have been in it. Earlier ones may come back.
wire-too-many-from-address = Your network has brought { $people } names to this session, and may bring no more. Earlier ones may come back.
wire-not-joined = Join a room first.
wire-unknown-member = memberId: no such member was ever in this room.
wire-to-yourself = memberId: this is your own address.
wire-own-connector = remoteConnectorId: this is your own connector, not your peer's.
wire-unknown-remote-connector = remoteConnectorId: you have no such connection with this member.
wire-unknown-connector = connectorId: you have no such connection with this member.
wire-not-answered = connectorId: this connection has not been answered yet.
wire-too-many-links = Too many different streams with this member.
wire-too-much-for-away = Too much for a member who is away: it is not kept, and the two connect anew.
wire-away-is-full = Too much for a member who is away, from all together: it cannot resume.
wire-removed = You were taken out of this room by its teacher.
wire-closed = This room was closed by its teacher.
wire-barred = You were taken out of this room by its teacher: come back in { $minutes } min.
wire-room-closed = This room was closed by its teacher: come back in { $minutes } min.
wire-room-locked = This room is locked by its teacher: nobody new comes in for now.

# Limits.
wire-joins-of-socket = This page has joined too often: wait a minute, then try again.
wire-joins-of-address = Too many joins came from this network address: wait a minute, then try again.
wire-joins-of-room = Too many joins came to this room: wait a minute, then try again.
wire-rooms-of-address = Too many rooms were opened from this network address: wait a minute, then try again.
wire-takeovers = This id has come back on too many connections: it may be open in two tabs. Close one, then try again.
wire-relays-of-pair = Too many messages to this member: slow down.
wire-waiting-of-pair = This member's connection is slow, and too much of yours waits for it: slow down.
wire-sockets-of-address = Too many people of this network address are in a class: try again later.
wire-sockets = Too many people are in a class on this server: try again later.

# Who may not come in, by the allowed rooms and join tokens.
wire-room-not-allowed = There is no room of this name here: ALLOWED_ROOMS does not list it.
wire-token-missing = This server lets people in by a token: open the link that you were given.
wire-token-not-a-string = token must be a string.
wire-token-too-long = token must have at most { $max } bytes.
wire-token-not-a-token = token must be a JSON Web Token (JWT).
wire-token-algorithm = token must be signed by HS256.
wire-token-extension = token must have no crit in its header: this server knows no extensions of JWT.
wire-token-signature = token is not one of this server's: it was signed with another secret, or changed since.
wire-token-audience = token is not one to join with: its aud must be chatroom:join.
wire-token-no-claim = token lacks { $claim }.
wire-token-claim-not-a-string = token's { $claim } must be a string.
wire-token-claim-not-a-time = token's { $claim } must be a number of seconds.
wire-token-claim = token's { $claim }
wire-token-expired = Your link has expired: ask for a new one.
wire-token-not-yet = Your link is not good yet: come back later.
wire-token-other-room = Your link is for another room.
wire-token-other-name = Your link is for another name.
