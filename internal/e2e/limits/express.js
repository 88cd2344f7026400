// express-rate-limit as its documentation shows it: a limiter for each option,
// at a path of its own. The clock stands still: each request says what time it
// is. The address of a client is what it writes into X-Forwarded-For.
let now = 0;
globalThis.Date = class extends Date {
  constructor(...parts) {
    parts.length ? super(...parts) : super(now);
  }
  static now() {
    return now;
  }
};

const express = require('express');
const { rateLimit } = require('express-rate-limit');

const app = express();
app.set('env', 'production'); // no stack traces in answers
app.set('trust proxy', 1);
app.use((req, res, next) => {
  now = Number(req.get('X-Clock'));
  next();
});

const minute = 60 * 1000;
const broken = { init() {}, increment() { throw new Error('down'); }, decrement() {}, resetKey() {} };
const quiet = { warn() {}, error() {} };
const options = {
  window: { windowMs: 15 * minute, limit: 3 },
  defaults: {},
  zero: { limit: 0 },
  tiers: { limit: (req) => (req.get('X-Tier') === 'premium' ? 4 : 2) },
  failures: { windowMs: 15 * minute, limit: 2, skipSuccessfulRequests: true },
  successes: { limit: 2, skipFailedRequests: true },
  judged: { limit: 1, skipSuccessfulRequests: true, requestWasSuccessful: (req, res) => res.statusCode !== 200 },
  draft6: { limit: 2, standardHeaders: true, legacyHeaders: false },
  draft7: { limit: 2, standardHeaders: 'draft-7', legacyHeaders: false },
  draft8: { limit: 2, standardHeaders: 'draft-8', legacyHeaders: false, identifier: 'api' },
  legacy: { limit: 2 },
  both: { limit: 2, standardHeaders: true, legacyHeaders: true },
  none: { limit: 1, standardHeaders: false, legacyHeaders: false },
  retry: { limit: 1, retryAfter: 5 },
  text: { limit: 1 },
  message: { limit: 1, message: { error: 'Too many requests' } },
  status: { limit: 1, statusCode: 503, message: 'busy' },
  handler: { limit: 1, handler: (req, res) => res.status(429).json({ path: req.baseUrl }) },
  skip: { limit: 1, skip: (req) => req.ip === '192.0.2.9' },
  reset: { limit: 2 },
  tenant: { limit: 1, keyGenerator: (req) => req.get('X-Tenant') || '' },
  subnet: { limit: 2 },
  subnet64: { limit: 2, ipv6Subnet: 64 },
  broken: { limit: 1, store: { ...broken } },
  pass: { limit: 1, store: { ...broken }, passOnStoreError: true },
};
for (const [name, option] of Object.entries(options)) {
  const limiter = rateLimit({ logger: quiet, ...option });
  app.post(`/${name}/reset`, async (req, res) => {
    await limiter.resetKey(req.get('X-Key'));
    res.end();
  });
  app.use(`/${name}`, limiter);
}
app.use('/nested', rateLimit({ logger: quiet, limit: 4, legacyHeaders: false, standardHeaders: true }));
app.use('/nested', rateLimit({ logger: quiet, limit: 2, legacyHeaders: false }));

app.use((req, res) => res.status(Number(req.get('X-Status')) || 200).send('ok'));

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
