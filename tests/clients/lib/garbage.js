/** Engine.IO and Socket.IO packets that no client should send. One list for every transport. */

/** Packets of the engine: types that do not exist, are the server's, or carry nonsense. */
const ENGINE = [
  '', ' ', '\n', '\u0000', '7', '8', '9', 'a', 'b', 'b!!!', 'bAAAA', 'hello', '{}', '0', '0{}', '0{"sid":"x"}', '1x', '2x',
  '2probe', '3', '3probe', '3probe3probe', '4', '5', '5x', '6', '6noop', '-1', '4-1', '42\ud83d', '\ufeff42["join",{}]', '\x1e', '\x1e\x1e',
  '42["leave"]\x1e42["leave"]', '2\x1e2\x1e2', '4'.repeat(1_000), '\x1e'.repeat(1_000),
];

/** Packets of Socket.IO: connects, disconnects, acks and errors where they make no sense, broken events. */
const PACKETS = [
  '40', '40{}', '40{"token":', '40[]', '40null', '40"x"', '40/', '40/admin', '40/admin,', '40/admin,{}', '40/,{}', '40//,',
  `40/${'n'.repeat(5_000)},`, '40/../../etc/passwd,', '40/%00,', '40?a=b,', '41', '41/', '41/admin,', '41{}', '41x',
  '42', '42[', '42]', '42[]', '42{}', '42null', '42"join"', '42[null]', '42[1]', '42[[]]', '42[{}]', '42["join"', '42["join",', '42["join",]',
  '42["join",{]', '42["join",{}}', '42["join",{}]]', '42["join" {}]', "42['join',{}]", '42["\\u0000",{}]', '42["\\ud800",{}]', '42["\\x",{}]',
  '42["connect"]', '42["disconnect"]', '42["connect_error"]', '42["disconnecting"]', '42["newListener"]', '42["message","x"]',
  '42/admin,["join",{}]', '42/,["join",{}]', '42,["join",{}]', '420', '420[]', '42-1["join",{}]', '4200000000000000000001["join",{}]',
  '4218446744073709551616["join",{}]', '42999999999999999999999999999999["join",{}]', '421.5["join",{}]', '421e3["join",{}]', '42 1["join",{}]',
  '43', '43[]', '430', '430[]', '431["x"]', '43999999999["x"]', '43-1["x"]', '43["x"]', '43{}', '43/admin,1["x"]', '4318446744073709551616[]',
  '44', '44{}', '44"x"', '44/admin,{}', '45', '45[]', '45-', '45-["x"]', '450-["x"]', '451-', '451-[]', '451-["x"]', '45-1-["x"]',
  '451-["join",{"_placeholder":true,"num":0}]', '451-["join",{"_placeholder":true,"num":7}]', '451-["join",{"_placeholder":true,"num":-1}]',
  '451-["join",{"_placeholder":true}]', '4599999999-["x",{"_placeholder":true,"num":0}]', '4518446744073709551616-["x"]', '452-["x",{"_placeholder":true,"num":0}]',
  '46', '46[]', '461-0["x"]', '461-["x"]', '46999-1[{"_placeholder":true,"num":998}]', '47', '47[]', '48["x"]', '49', '4a', '4/', '4,', '4["join",{}]', '4{}',
  `42["${'e'.repeat(200_000)}",{}]`, `42[${'1,'.repeat(100_000)}1]`, `42${'['.repeat(100_000)}`, `42["join",${'{"a":'.repeat(50_000)}`,
  `42["join",${'9'.repeat(50_000)}]`, '42["join",1e999999]', '42["join",{"id":1,"id":2,"id":[]}]', '42["join",NaN]', '42["join",undefined]', '42["join",{},{},{},{}]',
  '42["join",{"id":"\\ud800","username":"\\ud800","roomname":"\\ud800"}]', '42["__proto__",{"__proto__":{"ok":true}}]', '42["constructor"]', '42["toString",0]',
];

/** Frames that are not text at all, or not UTF-8. */
const BINARY = [
  Buffer.alloc(0), Buffer.alloc(1), Buffer.from([4]), Buffer.from('42["leave"]'), Buffer.from([0xff, 0xfe, 0xfd]), Buffer.alloc(100_000, 0xff),
  Buffer.from([0x34, 0x32, 0xc3, 0x28]), Buffer.from('42["join",{"id":"\u0000"}]'),
];

/**
 * So many different frames of garbage: all those above, then valid events broken at random.
 *
 * @param {number} count
 * @param {() => number} random from 0 to 1
 * @returns {(string | Buffer)[]}
 */
export function garbage(count, random) {
  const frames = [...ENGINE, ...PACKETS, ...BINARY];
  while (frames.length < count) frames.push(broken(random));
  return frames;
}

/** A valid event after a few bytes were changed, taken out, or doubled. @param {() => number} random */
function broken(random) {
  const id = Math.floor(random() * 1e9);
  let text = `42${id}["offer",{"connectorId":"c","offer":{"sdp":"v=0"},"memberId":"m","streamType":"user"}]`;
  for (let times = 1 + Math.floor(random() * 4); times > 0; times -= 1) {
    const at = Math.floor(random() * text.length);
    const character = String.fromCharCode(Math.floor(random() * 256));
    const middle = [character, '', text.slice(at, at + 8).repeat(2)][Math.floor(random() * 3)];
    text = text.slice(0, at) + middle + text.slice(at + 1);
  }
  return text;
}
