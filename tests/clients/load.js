// Rooms full of users who join, talk, leave, drop and come back; then the history, held against what they did:
//   node load.js --url http://localhost:3000 --token TOKEN --rooms 20 --members 4 --seconds 60 [--seed 1]
import { parseArgs } from 'node:util';

import { anySeed } from './lib/random.js';
import { runLoad } from './lib/run-load.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://localhost:3000' },
    token: { type: 'string', default: process.env.REVIEW_TOKEN ?? '' },
    rooms: { type: 'string', default: '20' },
    members: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(anySeed()) },
  },
});
const { url, token } = values;
const [rooms, members, seconds, seed] = [values.rooms, values.members, values.seconds, values.seed].map(Number);

console.log(`${rooms} rooms of ${members} members for ${seconds} s, seed ${seed}`);
const { sent, received, differences, counts } = await runLoad({ url, token, rooms, members, seconds, seed });
console.log(`${sent} events sent, ${received} received`);
for (const [kind, count] of Object.entries(counts)) console.log(`${String(count).padStart(8)} ${kind}`);
for (const difference of differences) console.error(difference);
console.log(differences.length === 0 ? 'The history accounts for all of it.' : `${differences.length} differences`);
process.exitCode = differences.length === 0 ? 0 : 1;
