# 课堂回顾页面上的文字（中文）。有哪些消息、每条消息有哪些参数，由 en-GB.ftl 决定。
#
# 用词与服务器给客户端的错误一致：房间、课堂、成员、用户名、离线。数字前后留空格，名字前后不留：名字是西文时由程序加上（src/words/spacing.rs）。

## 语言本身

language-name = 中文
languages = 语言

## 句子的组合

sentence = { $clause }。
clauses = { $first }；{ $second }
two-sentences = { $first }{ $second }
others = 另外 { $count } 人
people = { $count } 人
invisible-name = （看不见的名字）

## 数字与时长

times = { $count } 次
per-cent = { $number }%
part-of = { $part }/{ $whole }
part-of-length = { $part }/{ $whole }，
part-of-minutes = { $part }/{ $whole } 分钟，
length-seconds = { $count } 秒
length-minutes = { $count } 分钟
length-hours = { $count } 小时
duration-seconds = { $seconds } 秒
duration-minutes = { $minutes } 分钟
duration-minutes-and-seconds = { $minutes } 分 { $seconds } 秒
duration-hours-and-minutes = { $hours } 小时 { $minutes } 分

## 时刻

until = 保留至 { $time } UTC
time-left = 还剩 { $duration }
gone-any-moment = 即将离开
zone-that-changes = { $zone }（先 { $first }，后 { $last }）
zones-that-change = 先 { $first }，后 { $last }

## 每个页面

review = 课堂回顾
to-the-content = 跳到正文
sessions = 课堂
rooms-now = 当前房间
times-in = 时间：{ $zone }
connection-lost = 连接已断开，正在重试
rest-api = REST API
sign-out = 退出

links-for-a-class = 课堂链接
invite-lead = 打开这样的链接即可加入，直到链接过期。个人链接只能以该用户名加入。
invite-needs-secret = 在此服务器上，加入无需链接。服务器的管理者可通过 { $setting } 改变这一点。
invite-room = 房间；* 代表任意文字
invite-hours = 有效小时数
invite-page = 加入房间的网页地址
invite-names = 用户名，每行一个；留空则所有人共用一个链接
invite-make = 生成链接
invitations-for = { $room } 的链接
invitations-until = 有效期至 { $moment }。链接不会保存，请现在打印或复制。
invitation-for-all = 所有人的链接
invitations-as-text = 文本形式，便于复制
project-this = 投影网址
pages = 分页
from-day = 从
to-day = 到
search = 搜索
show = 显示
show-all = 显示全部
live = 进行中
present = 在线
away = 离线
came-back = 回来了
did-not-come-back = 没有再回来
refused = 被拒绝
column-room = 房间

## 投影网址的页面

open-this-address = 打开这个网址，或用手机扫码
qr-code-of = { $address } 的二维码
addresses-of-server = 服务器的网址
# 学生也会看到。
browser-warns = 浏览器会警告此连接不是私密连接：点“高级”或“显示详细信息”，然后继续访问。
# 设置原样输入。
only-this-machine = 只有这台电脑能访问服务器。设置 { $setting } 后，其他电脑也能访问。
no-camera-without-https = 在这个网址上，浏览器不允许网页使用摄像头。设置 { $setting } 后就可以。

## 分享链接：让他人查看一堂课或一个房间

review-links = 回顾链接
review-links-lead = 持有回顾链接的人可以查看一堂课，或一个房间的所有课堂，直到链接到期或被撤销；不能更改任何内容。请在课堂的页面上，或在列出某个房间课堂的页面上生成。
share-session = 分享此课堂
share-room = 分享此房间
link-to-session = 持有链接的人可以查看 { $room } 的这堂课（{ $moment }）：看不到其他内容，也不能更改任何内容。
link-to-room = 持有链接的人可以查看 { $room } 的所有课堂，包括以后的：看不到其他内容，也不能更改任何内容。
link-for-whom = 给谁
link-for-how-long = 有效时间
for-an-hour = 一小时
for-a-day = 一天
for-a-week = 一周
for-a-term = 一学期（183 天）
make-the-link = 生成链接
links-that-are-good = 有效的链接
no-review-links = 没有。
all-sessions = 所有课堂
column-session = 课堂
column-made = 生成时间
column-ends = 到期时间
revoke = 撤销
review-link-for = 给 { $name } 的回顾链接
# 列出所有链接的页面。
review-link-until = 有效期至 { $moment }，也可以在“{ $list }”中提前撤销。链接不会保存，请现在复制。
qr-code-of-link = 链接的二维码
# 通过链接查看时显示在页脚。
seen-by-link = 你正通过链接查看此页，链接有效期至 { $moment }。
to-what-is-shared = 查看链接所分享的内容
link-not-ours = 这不是本服务器的回顾链接，或链接不完整。请完整复制，或另要一个。
link-ended = 此回顾链接已到期。请向给你链接的人另要一个。
link-revoked = 此回顾链接已被撤销，或其内容已被删除。
link-opens-other = 你的回顾链接不能打开此页：它只显示一堂课或一个房间的课堂，并且不能更改任何内容。
no-such-link = 没有这个回顾链接：它已被撤销、已到期，或已随课堂一起删除。
too-many-links = 已有 { $most } 个回顾链接，不能再多。请先撤销一个。
no-such-room = 从未有人用过这个名字的房间。

## 锁定的页面

locked = 已锁定
review-is-locked = 课堂回顾已锁定
wrong-token = 令牌不正确。
how-to-unlock = 请打开服务器启动时显示的链接（{ $line }），或输入回顾令牌。如果设置了 { $setting }，它就是令牌。
review-token = 回顾令牌
open = 打开

## 被拒绝的请求

to-all-sessions = 查看所有课堂
refused-title = { $status ->
    [400] 请求有误
    [403] 不允许访问
    [404] 未找到
    [503] 暂时不可用
   *[other] 请求被拒绝
}
refused-parameter = { $name ->
    [from] from 必须是日期，例如 2026-03-01。
    [to] to 必须是日期，例如 2026-03-01。
    [tz] tz 必须是时区，例如 Europe/Berlin。
    [sort] sort 必须是表格中某一列的名称，前面可以加减号。
    [people] people 必须是从 1 开始的整数。
    [log] log 必须是 wrong 或 presence。
    [lang] lang 必须是已有的语言，例如 zh-CN。
    [id] id 必须是课堂的 id（UUID）。
    [room] room 必须是房间的名称。
    [person] person 必须是用户名。
    [username] username 必须是用户名。
   *[other] { $name } 的值不正确。
}
refused-missing-parameter = 缺少参数 { $name }。
refused-unknown-parameter = 这里没有这个参数。可用的参数：{ $known }。
no-parameters = 无
broken-address = 这个链接不完整，可能在复制时丢失了一部分。
refused-twice = 同一个参数出现了多次。
refused-query = 地址中的参数不是有效的百分号编码 UTF-8。
refused-from-elsewhere = 凭 cookie 只有课堂回顾自己的页面可以这样访问。请在 Authorization 头中发送令牌。
no-such-path = 这个地址下没有内容。
no-such-session = 没有这个 id 的课堂。
session-goes-on = 此课堂正在进行，结束后才能删除。未作任何更改。
person-goes-on = 此人参加了正在进行的课堂，结束后才能抹去。未作任何更改。
room-not-in-use = 此房间没有正在进行的课堂：已经结束，或从未开始。未作任何更改。
not-in-room = 房间里没有叫这个名字的人。未作任何更改。
too-many-barred = 此房间禁止进入的人数已达上限，请改为锁定或关闭房间。未作任何更改。
not-changed = 历史记录暂时无法修改。所要求的操作仍可能完成：请稍后再看。
history-away = 暂时无法读取历史记录：数据库没有应答，请稍后再试。
went-wrong = 服务器出错了，详情见服务器日志。
refused-otherwise = 服务器拒绝了请求：{ $detail }

## 老师对房间的操作

remove-close-lock = 移出、关闭、锁定
act-on-room = 操作房间 { $room }
remove-somebody = 移出某人
remove-without-tokens = 在此期间，其网页和这个名字都不能再进入。此处加入无需链接：换一个名字仍可进入。
remove-with-tokens = 在此期间，其网页、这个名字和其个人链接都不能再进入。持有公用链接的人换一个名字仍可进入。
minutes-kept-out = 禁止进入的分钟数
remove = 移出
close-the-room = 关闭房间
close-means = 所有人都被移出，在此期间任何人都不能进入。
minutes-closed = 关闭的分钟数
lock-the-room = 锁定房间
room-is-locked = 房间已锁定
unlock-the-room = 解除锁定
closed-and-kept-out = 已关闭的房间和禁止进入的人
closed-until = 关闭至 { $moment }
open-again = 重新开放
kept-out-until = { $who } 在 { $moment } 之前不能进入
let-back-in = 允许重新进入
lock-means = 锁定期间不允许新的人进入；掉线的人可以回来。课堂结束时自动解除。

## 删除课堂，抹去某人

remove-the-session = 删除此课堂
removal-takes = 将删除 { $moment } 的课堂，共 { $people } 人：他们的出勤、谁与谁连接过，以及日志。
cannot-be-undone = 此操作无法撤销。
erase-person = 抹去此人
erase-who = 抹去{ $who }
nobody-to-erase = 历史记录中没有叫这个名字的人。
erasure-takes = 这个名字将在各处被一个毫无意义的名字取代：{ $sessions } 次课堂、{ $connections } 段在场时间、{ $links } 条与他人的连接和 { $events } 条日志。总数保持不变。

## 课堂列表

no-room-in-use = 当前没有房间在使用。
rooms-in-use = 当前有 { $rooms } 个房间在使用。
more-rooms-in-use = 当前有超过 { $rooms } 个房间在使用。
last-session-fine = 最近一堂课没有问题。
last-sessions-fine = 最近 { $over } 堂课都没有问题。
last-session-troubled = 最近一堂课有问题。
last-sessions-troubled = 最近 { $over } 堂课中有 { $troubled } 堂有问题。
room-or-person = 房间或用户名
days = 日期
no-session-fits = 没有完全符合条件的课堂。日期按你的时区计算。
no-newer-session-fits = 较新的课堂中没有完全符合条件的，较早的可能有。日期按你的时区计算。
similar-rooms = 名称相近的房间：
similar-people-found = 名字相近的人：
look-further-for-rooms = 继续查找名称相近的房间
look-further-for-names = 继续查找相近的名字
no-session-yet = 还没有课堂。有人加入房间时，课堂就开始了。
first-join = 打开此服务器提供的网页，加入一个房间，课堂会立即出现在这里。
first-example = 最快的办法是试试示例：
copy-the-command = 复制命令
copied = 已复制
first-build = 构建示例并由服务器提供：先运行 { $build }，再以 { $setting } 启动服务器。
first-open = 打开 { $address }，加入一个房间，课堂会立即出现在这里。
first-own-page = 也可以让你自己的网页用 { $client } 连接，并发送 { $join }。
sessions-of-that-person = 查看使用此名字的人参加的课堂
person-over-time = { $person }的全部记录与合计
similar-people = 名字相近的人
column-began = 开始
column-length = 时长
column-people = 人数
people-over-time = 人数变化
column-wrong = 问题
more-sessions-live = 还有进行中的课堂没有显示在这里，请看{ $link }。
among-rooms-now = 当前房间
newer-sessions = 较新的课堂
older-sessions = 较早的课堂
people-unit = 人
drops-that-came-back = 掉线后返回 { $count } 次
messages-refused = { $count } 条消息被拒绝
strip-of-session = 同时最多 { $people } 人，掉线 { $drops } 次
strip-goes-on = 右端之后还在继续，图中只画到 { $length }
strip-later-drops = 之后掉线 { $drops } 次
strip-later-losses = 之后有 { $people } 人没有再回来

## 当前房间

people-in-rooms = { $rooms } 个房间中共有 { $people } 人。
nobody-in-rooms = 当前没有人在房间里。有人加入时会立即显示在这里。
here-since = { $here ->
    [0] 全部离线，{ $moment } 开始
   *[other] { $here } 人在线，{ $moment } 开始
}
away-until = 离线，{ $countdown }
since-when = 详细时间
column-now = 状态
column-since = 开始于
more-rooms = 更多房间
strip-of-room = 最近 15 分钟：现有 { $here } 人，共掉线 { $drops } 次

## 人员

people-of-all-rooms = 人员
part-of-a-name = 名字的一部分
no-name-so-far = 按顺序的前一批名字中没有包含它的，后面的可能有。
no-such-name = 没有这样名字的人进过房间。
no-further-name = 没有更多包含它的名字。
look-further = 继续查找
sessions-of-name = { $count } 堂课
sessions-of-name-or-more = { $count } 堂课或更多

## 一个人

sessions-of-this-person = 此人参加的课堂
nobody-of-this-name = 没有叫这个名字的人进过房间。名字须与输入时一致，区分大小写。
nobody-of-this-name-then = 这些日期里没有叫这个名字的人进过房间。名字须与输入时一致，区分大小写。
look-for-similar-names = 查找相近的名字
column-when = 时间
column-there-when = 在线时段
newest-sessions = 最新的课堂
came-back-often = 掉线后返回 { $often }
never-connected-with = 未能与 { $others } 人连通
no-session = 没有课堂。
person-totals = { $sessions } 堂课，共在线 { $length }。
person-newest-totals = 最近 { $sessions } 堂课，共在线 { $length }。
never-dropped = 从未掉线
away-now-in = 现在在{ $rooms }离线
dropped-and-came-back = 掉线后返回 { $back }
did-not-come-back-often = 有 { NUMBER($sessions) } 堂课掉线后没有再回来
never-connected-below = 以下有 { NUMBER($sessions) } 堂课未能与别人连通

## 一堂课：开头

title-of-session = { $room }，{ $day }
from-to = { $from } 至 { $to }
number-more = 另外 { $count } 条
only-some-people = 时间图、出勤和连接只显示全部 { $all } 人中的 { $shown } 人；下载的表格包含所有人。
so-many-people = 人数太多，只能按名字列出，不能排序。
which-people = 显示哪些人
first-people = 按名字的第一页
people-after = { $name }之后
on-this-page = 本页内容
attendance = 出勤
connections = 连接
log = 日志
picture = 时间图
lead-ended = { $people } 人，{ $length }。
lead-live = 已进行 { $length }：{ $people } 人中现有 { $here } 人在线。
lead-live-many = 已进行 { $length }：至今 { $people } 人。
too-many-to-tell = { $drops } 次掉线后恢复；人数太多，无法逐一说明。
are-away = { $who }离线
away-since = { $who }自 { $moments } 起离线。
who-did-not-come-back = { $who }没有再回来
contact-lost = { $who }没有再回来：于 { $moments } 失去联系。
who-came-back = { $who }掉线后又回来了
who-came-back-often = { $who }掉线后返回 { $often }
longest-gap = 最长中断 { $duration }
nobody-connected = 没有任何两人连通
who-never-connected = { $who }未能连通
who-met-nobody = { $who }未能与任何人连通
who-missed-others = { $who }未能与另外 { $others } 人连通
pairs-never-connected = { $pairs } 对未能连通
pairs-lost = { $pairs } 对连通后又断开
screens-missing = { $screens } 个共享屏幕未送达
nobody-dropped = 没有人掉线
nobody-else-came = 没有其他人来，也没有出现问题
nobody-met = 没有任何两人同时在场；没有人掉线
nobody-stayed = 没有任何两人同时在场到足以连通；没有人掉线
some-still-connecting = 没有人掉线；有些仍在连接
some-unknown-nobody-dropped = 没有人掉线；有 { NUMBER($pairs) } 对不知视频是否连通
all-exchanged-nobody-dropped = 没有人掉线；不知视频是否连通
two-connected-nobody-dropped = 两人已连通，没有人掉线
all-connected-nobody-dropped = 同时在场的人都已互相连通，没有人掉线
all-who-stayed-connected = 同时在场时间足够的人都已互相连通，没有人掉线
server-was-away = 服务器曾中断
server-was-away-often = 服务器曾中断 { $often }
all-lost-contact = 所有人曾同时失去联系
all-lost-contact-often = 所有人曾 { $often }同时失去联系
outage-but = { $outage }，{ $who }没有再回来
server-restarted-at = 服务器重启或所在机器休眠，时间 { $moments }
all-lost-contact-at = 所有人同时失去联系，应是网络或服务器的原因，时间 { $moments }
more-times = 另外 { $count } 次
all-back-within = 所有人在 { $duration }内回来
nobody-came-back = 没有人回来
messages-refused-by-server = 服务器拒绝了 { $count } 条消息

## 一堂课：时间图

who-was-there-when = 谁在何时在场
how-to-point = 指向或点按横条和标记，可查看准确时间。
marks-end = 事件太多，标记只到 { $moment }
goes-on = { $day }，{ $zone }，仍在进行
on-day = { $day }，{ $zone }
outside-the-room = 不在房间中
somebody-outside = 房间外的人
bar-present = { $name } { $from } 至 { $to } 在线（{ $duration }）
bar-away = { $name } { $from } 至 { $to } 离线（{ $duration }）
mark-came-back = { $name }于 { $time } 回来
mark-came-back-often = { $name }于 { $time } 回来，共 { $count } 次
mark-refused = { $name }于 { $time } 被拒绝
mark-refused-often = { $name }于 { $time } 被拒绝，共 { $count } 次
mark-lost = { $name }没有再回来，{ $time } 不再等待
came-at = { $time } 进入
left-at = { $time } 离开
now-at = 现在，{ $time }
more-people-not-drawn = 另有 { $count } 人未画出：此处按名字显示前一部分

## 一堂课：出勤

by-attention = 按需要关注的程度排序：先是没有再回来的人，然后依次是未连通的数量、掉线次数和在线比例。
by-name = 按名字排序。
sort-by = 或按：
sort-by-attention = 按需要关注的程度排序
table-of-attendance = 出勤表
column-name = 用户名
column-present = 在线
column-share = 比例
column-connected = 已连通
column-came = 进入
column-left = 离开
column-longest-gap = 最长中断
column-came-back = 掉线返回
column-ending = 结束方式
connected-unit = 已连通
times-came-back = { " " }次返回
take-along = 下载：
take-attendance = 出勤表格
take-log = 日志表格
take-picture = 时间图
ending-here = 在线
ending-away = 离线
ending-left = 离开
ending-closed = 关闭了网页
ending-timeout = 掉线，没有再回来
ending-replaced = 在别处重新加入
ending-moved = 去了另一个房间
ending-removed = 被老师移出
ending-server = 服务器停止后没有再回来
ending-gap = 已离开，方式和时间没有记录

# 供人使用的表格

table-date = 日期
table-came = 进入（{ $zone }）
table-left = 离开（{ $zone }）
table-minutes = 分钟
table-per-cent = 在线（%）

## 一堂课：两人之间

-no-way = 双方网络之间没有通路（可用 TURN 解决）
among-shown = 此处显示的 { $shown } 人之间：
most-missed = { $all } 人中的 { $shown } 人，未连通最多的排在前面：
who-with-whom = 谁与谁已连通
sign-empty = 空白：从未同时在场
pair-by-pair = 逐对说明
and-more-pairs = 另外 { $count } 对：{ $link }。
all-pairs-as-json = 全部以 JSON 查看
cell-never-met = 从未同时在场
cell-screen-missed = 已连通，但共享屏幕未送达
cell-connected = 已连通
cell-waiting = 仍在连接
cell-unknown = 未知
and-unknown = ，另 { $unknown } 未知
cell-lost = 连通后断开
cell-never = 未能连通
cell-parted = 分开太早
no-two-met = 没有任何两人同时在场。
everything-exchanged = 连接信息已全部交换；网页没有报告视频是否连通。
the-two-connected = 两人已连通。
all-pairs-connected = { $pairs } 对全部连通。
pairs-known = 同时在场的有 { $pairs } 对：{ $good } 对已连通
pairs-so-far = 同时在场的有 { $pairs } 对：至今 { $good } 对已连通
pairs-in-all = 同时在场的有 { $pairs } 对：{ $good } 对已连通，{ $bad } 对没有
pairs-parted = 有 { $count } 对还来不及连通就分开了
pairs-unknown = 另有 { $count } 对，网页没有报告视频是否连通
pair-no-offer = { $one }与{ $other }未能连通：双方都没有发起连接
pair-hung-up = { $one }与{ $other }未能连通：{ $offerer }发起的连接在应答之前被挂断
pair-no-answer = { $one }与{ $other }未能连通：{ $offerer }发起的连接始终没有应答
pair-parted = { $one }与{ $other }还来不及连通就分开了
pair-waiting = { $one }与{ $other }仍在连接
pair-exchanged = { $one }与{ $other }已交换全部连接信息；双方网页没有报告视频是否连通
pair-failed = { $one }与{ $other }未能连通：{ -no-way }
pair-lost = { $one }与{ $other }曾经连通，后来断开
pair-connected = { $one }与{ $other }已连通
pair-connected-straight = { $one }与{ $other }已直接连通
pair-connected-router = { $one }与{ $other }已通过路由器连通
pair-connected-relay = { $one }与{ $other }已通过 TURN 服务器连通
screen-never-reached = { $sharer }的共享屏幕未能送达{ $other }：{ -no-way }
screen-no-answer = { $sharer }的共享屏幕未能送达{ $other }：对方没有应答
screen-lost = { $sharer }的共享屏幕在传给{ $other }的途中断开
anyone = 任何人
everyone = 所有人
one-failed = { $one }未能与{ $others }连通：{ -no-way }。
one-no-answer = { $one }向{ $others }发起的连接始终没有应答。
others-no-answer = { $others }向{ $one }发起的连接始终没有应答。
one-hung-up = { $one }向{ $others }发起的连接在应答之前被挂断。
others-hung-up = { $others }向{ $one }发起的连接在应答之前被挂断。
one-no-offer = { $one }未能与{ $others }连通：没有人发起连接。
one-lost = { $one }与{ $others }曾经连通，后来断开。
one-screen-failed = { $one }的共享屏幕未能送达{ $others }：{ -no-way }。
others-screens-failed = { $others }的共享屏幕未能送达{ $one }：{ -no-way }。
one-screen-no-answer = { $one }的共享屏幕未能送达{ $others }：对方没有应答。
others-screens-no-answer = { $others }的共享屏幕未能送达{ $one }：对方没有应答。
one-screen-lost = { $one }的共享屏幕在传给{ $others }的途中断开。
others-screens-lost = { $others }的共享屏幕在传给{ $one }的途中断开。
each-failed = { $people }互相都未能连通：{ -no-way }。
each-no-answer = { $people }互相都未能连通：发起的连接都没有应答。
each-hung-up = { $people }互相都未能连通：发起的连接在应答之前被挂断。
each-no-offer = { $people }互相都未能连通：没有人发起连接。
many-failed = { $people }之间有 { $pairs } 对未能连通：{ -no-way }。
many-no-answer = { $people }之间有 { $pairs } 对未能连通：发起的连接没有应答。
many-hung-up = { $people }之间有 { $pairs } 对未能连通：发起的连接在应答之前被挂断。
many-no-offer = { $people }之间有 { $pairs } 对未能连通：没有人发起连接。
many-lost = { $people }之间有 { $pairs } 对曾经连通，后来断开。
many-screens-failed = { $people }之间有 { $pairs } 个共享屏幕未能送达：{ -no-way }。
many-screens-no-answer = { $people }之间有 { $pairs } 个共享屏幕未能送达：对方没有应答。
many-screens-lost = { $people }之间有 { $pairs } 个共享屏幕在途中断开。

## 一堂课：日志

what-log-shows = 日志显示的内容
log-everything = 全部
log-wrong = 问题
log-presence = 进出
nothing-happened = 没有这类记录。
nothing-happened-here = 这些记录中没有这一类。
detail = 详情
each = 逐条
earlier-entries = 之前的记录
later-entries = 之后的记录
sessions-of-this-room = 此房间的课堂
all-of-this-room = 此房间的所有课堂
one-before = 上一堂
one-after = 下一堂
somebody = 有人
session-began = 课堂开始。
session-over = 课堂结束。
who-came-in = { $who }进入房间。
who-came-in-among = { $who }进入房间：现有 { $members } 人。
who-left = { $who }离开了。
who-closed = { $who }已关闭网页，离开了房间。
who-timed-out = { $who }没有及时回来，离开了房间。
who-was-replaced = { $who }在别处重新加入，离开了这里。
who-moved = { $who }去了另一个房间。
who-was-removed = { $who }被老师移出房间。
teacher-removed = 老师移出了{ $who }。
teacher-closed = 老师关闭了房间：所有人都被移出。
teacher-locked = 老师锁定了房间：此后不允许新的人进入。
teacher-unlocked = 老师解除了房间的锁定。
teacher-acted = 老师对房间进行了操作。
who-lost-server = { $who }在服务器停止后没有再回来，离开了房间。
who-is-gone = { $who }已离开；方式和时间没有记录。
who-dropped = { $who }掉线。
who-dropped-closed = { $who }掉线：网页关闭了连接。
who-dropped-reset = { $who }掉线：连接中断。
who-dropped-silent = { $who }掉线：网络没有响应。
who-dropped-stalled = { $who }掉线：网页停止接收。
who-dropped-rate = { $who }掉线：网页发送的内容超出限制。
who-dropped-server = { $who }掉线：服务器停止，或断开了连接。
who-is-back = { $who }回来了。
entries-missing = 此处缺少 { $count } 条记录：当时无法写入历史。
several-left = { $who }离开了。
several-closed = { $who }关闭了网页。

## 服务器拒绝的内容

server-refused = 服务器拒绝了 { $count } 条消息：{ $kinds }。
who-was-refused = { $who }被拒绝：{ $what }。
who-was-refused-more = { $who }另有 { $count } 条消息被拒绝。
a-join = 一次加入
a-return = 一次返回
an-offer = 一个连接请求
an-answer = 一个应答
a-candidate = 一个网络地址
a-message = 一条消息
joins = { $count } 次加入
returns = { $count } 次返回
offers = { $count } 个连接请求
answers = { $count } 个应答
candidates = { $count } 个网络地址
messages = { $count } 条消息
because-repeat = { $what }（用户名已存在）
because-invalid = { $what }（格式无法识别）
because-not-joined = { $what }（不在房间中）
because-unknown-member = { $what }（对方不存在）
because-room-full = { $what }（房间已满）
because-rate-limited = { $what }（超出限制）
because-unavailable = { $what }（服务器当时无法接收）
because-forbidden = { $what }（没有有效的链接）
because-replaced = { $what }（网页的位置已被另一个取代）
because-removed = { $what }（网页已被老师移出）

## 还没有网页时的首页

welcome-running = chatroom-server { $version } 正在运行
welcome-what = 这是视频房间的信令服务器：网页通过 Socket.IO 与它通信，它在房间成员之间转发 offer、answer 和 candidate。这里还没有网页。
welcome-no-index = 服务器提供 { $directory } 中的文件，但其中没有 { $index }：请把网页构建到这个目录，然后刷新本页。
welcome-try = 试一试
welcome-example = 可以从项目目录 { $folder } 中的视频房间开始：
welcome-connect = 接入自己的网页
welcome-from-elsewhere = 其他端口或其他电脑上的网页从这里加载脚本，并以本页的地址调用 { $function }。收发的事件见 README.zh-CN.md。
welcome-see = 查看谁来过
welcome-review = { $link }，使用服务器启动时显示的链接。
welcome-open-review = 打开课堂回顾
welcome-review-elsewhere = 课堂回顾在另一个地址：服务器启动时已显示链接。

## 给人看的 REST API

api-for-programs = 程序须出示回顾令牌；供程序读取的同样内容（OpenAPI 3.1）见 { $link }。
api-common = 许多接口还可能返回：
api-operations = 接口
api-parameters-of = 参数：{ $operation }
api-parameter = 参数
api-place = 位置
api-value = 值
api-meaning = 含义
api-in-path = 路径
api-in-query = 查询
api-in-header = 请求头
api-needed = { $place }，必填
api-body = 请求体：JSON
api-anybody = 任何人都可以访问。
api-client = 客户端以自己的 id 作为 Bearer 令牌。
api-anybody-or-client = 任何人都可以访问；客户端可以用自己的 id 作为 Bearer 令牌。
api-reviewers = 仅供回顾者使用。
api-in-english = 各接口自身的说明取自接口文档，只有英文。
api-introduction = 谁在何时进过哪个房间，谁与谁连通。时间采用 RFC 3339（UTC），时长为整数毫秒；列表分页，用 nextCursor 取下一页：一页的行数可能少于 limit，甚至为零，只有 nextCursor 为 null 才表示结束。被拒绝的请求返回 problem（RFC 9457），其 code 不会改变。因请求过多而返回的 429 和 503 带有 Retry-After。
api-rooms = 房间
api-sessions = 课堂
api-downloads = 可下载的内容
api-live = 实时事件
api-sharing = 分享给他人
api-removal = 删除
api-clients = 供客户端使用
api-health = 运行状况
api-document = 供程序使用
api-broken = 服务器出错
api-bad-parameter = 缺少参数、参数未知或值不正确；problem 会指明是哪一个
api-no-token = 缺少回顾令牌，或令牌不正确
api-forbidden = 主机名不是服务器所应答的，请求来自其他来源的网页，或回顾链接不能打开此项
api-link-over = linkOver：回顾链接已到期或被撤销，或其内容已被删除
api-too-many-questions = tooManyQuestions：此地址有太多请求在等待应答
api-busy = busy：有太多请求在等待应答。notReady：历史记录的数据库没有应答
api-body-late = 请求体没有及时到达
api-body-too-large = 请求体太大
api-body-not-json = 请求体不是 JSON
api-no-session = 没有这个 id 的课堂
api-no-room = 从未有人用过这个名字的房间

## 告诉客户端的：协议中的错误与警告

# 页面可能直接显示给用户，开发者在控制台里看到。字段与事件名保持原样，句末不加句号。
wire-held-too-long = 请先加入房间：之前发送的消息未能及时等到加入
wire-not-json = 消息必须是有效的 JSON
wire-not-an-object = 消息必须是一个 JSON 对象
wire-binary = 不接受二进制数据，请发送文本
wire-unknown-event = 没有这个事件
wire-missing = 缺少 { $field }
wire-twice = { $field } 只能给出一次
wire-not-a-string = { $field } 必须是字符串
wire-not-one-of = { $field } 必须是以下之一：{ $words }
word-separator = 、
wire-reserved = { $field }：该词仅供服务器使用，请换一个
wire-too-many-errors = 被拒绝的消息过多，请放慢速度
wire-too-large-before-join = 请先加入房间：加入之前一条消息最多 { $kib } KiB
wire-shutting-down = 服务器正在关闭
wire-room-out-of-reach = 暂时无法连接到此房间，请重试
wire-short-id = id 少于 16 个字符，可能被猜中并被冒用。请使用 crypto.randomUUID()
wire-too-many-connections = 你的网络地址打开的连接过多，请稍候再试。

# 客户端给出的名字等文字。
wire-text-empty = { $field } 不能为空
wire-text-too-long = { $field } 最多 { $max } 个字符
wire-text-control = { $field } 不能包含控制字符
wire-text-directional = { $field } 不能包含改变文字方向的字符
wire-text-never-shown = { $field } 不能包含不会显示的字符
wire-text-invisible = { $field } 必须有可见的字符

# 房间拒绝的。“此房间该用户名已存在”一字不改：已部署的页面认得它。
wire-name-taken = 此房间该用户名已存在
wire-name-alike = 此房间已有与“{ $name }”看起来相同的用户名：{ $other }
wire-other-name = username：你已用另一个用户名在此房间中，请先离开
wire-replaced = 你已通过另一个连接回到此房间，此连接已结束
wire-room-full = 房间“{ $room }”已满：最多 { $capacity } 人
wire-too-many-people = 此课堂不再接受新的用户名：已有 { $people } 个。之前的用户名仍可返回
wire-too-many-from-address = 你所在的网络已为此课堂带来 { $people } 个用户名，不能再增加。之前的用户名仍可返回
wire-not-joined = 请先加入房间
wire-unknown-member = memberId：该房间从未有过此成员
wire-to-yourself = memberId：这是你自己的地址
wire-own-connector = remoteConnectorId：这是你自己的连接，不是对方的
wire-unknown-remote-connector = remoteConnectorId：你与该成员没有这个连接
wire-unknown-connector = connectorId：你与该成员没有这个连接
wire-not-answered = connectorId：该连接尚未应答
wire-too-many-links = 与该成员的流过多
wire-too-much-for-away = 发给离线成员的消息过多：未予保留，双方将重新连接
wire-away-is-full = 所有人发给该离线成员的消息过多：其无法恢复
wire-removed = 老师已将你移出此房间
wire-closed = 老师已关闭此房间
wire-barred = 老师已将你移出此房间，请在 { $minutes } 分钟后再来
wire-room-closed = 老师已关闭此房间，请在 { $minutes } 分钟后再来
wire-room-locked = 老师已锁定此房间，暂不允许新的人进入

# 限额。
wire-joins-of-socket = 此页面加入过于频繁，请一分钟后再试
wire-joins-of-address = 此网络地址加入过于频繁，请一分钟后再试
wire-joins-of-room = 此房间加入过于频繁，请一分钟后再试
wire-rooms-of-address = 此网络地址新建的房间过多，请一分钟后再试
wire-takeovers = 此 id 在过多的连接上返回，可能同时在两个标签页中打开，请关闭其中一个后再试
wire-relays-of-pair = 发送给该成员的消息过多，请放慢速度
wire-waiting-of-pair = 该成员的连接较慢，你发送的消息积压过多，请放慢速度
wire-sockets-of-address = 此网络地址已有过多的人在课堂中，请稍后再试
wire-sockets = 此服务器的课堂人数已满，请稍后再试

# 因允许的房间或加入令牌而不能进入的。
wire-room-not-allowed = 此处没有这个房间：ALLOWED_ROOMS 中未列出
wire-token-missing = 此服务器凭令牌进入：请打开发给你的链接
wire-token-not-a-string = token 必须是字符串
wire-token-too-long = token 最多 { $max } 字节
wire-token-not-a-token = token 必须是 JSON Web Token（JWT）
wire-token-algorithm = token 必须以 HS256 签名
wire-token-extension = token 的头部不能含有 crit：此服务器不支持 JWT 的任何扩展
wire-token-signature = token 不是此服务器的：签名所用的密钥不同，或内容被改动过
wire-token-audience = token 不是用于加入房间的：其 aud 必须是 chatroom:join
wire-token-no-claim = token 缺少 { $claim }
wire-token-claim-not-a-string = token 的 { $claim } 必须是字符串
wire-token-claim-not-a-time = token 的 { $claim } 必须是以秒为单位的数字
wire-token-claim = token 的 { $claim }
wire-token-expired = 你的链接已过期，请索取新的链接
wire-token-not-yet = 你的链接尚未生效，请稍后再来
wire-token-other-room = 你的链接是用于另一个房间的
wire-token-other-name = 你的链接是用于另一个名字的
