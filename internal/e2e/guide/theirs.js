// The guide's way: fragments as small as docs/from-the-guide.md shows them, and
// the routes by which the tests reach them.
const express = require('express');
const jwt = require('jsonwebtoken');
const Joi = require('joi');
const sanitize = require('sanitize-html');
const rateLimit = require('express-rate-limit').rateLimit;
const helmet = require('helmet');
const cors = require('cors');

const publicKey = process.env.PUBLIC_KEY;
const app = express();
app.set('env', 'production'); // no stack traces in answers
app.use(express.json());

function authenticate(req, res, next) {
  const [scheme, token] = (req.headers.authorization || '').split(' ');
  if (scheme !== 'Bearer') return res.status(401).json({ error: 'No token' });
  try {
    req.user = jwt.verify(token, publicKey, { algorithms: ['RS256'], issuer: 'your-api', audience: 'your-app' });
    next();
  } catch {
    res.status(401).json({ error: 'Invalid token' });
  }
}
app.get('/token', authenticate, (req, res) => res.json({ sub: req.user.sub }));

const authorize = (...roles) => (req, res, next) =>
  roles.includes(req.user.role) ? next() : res.status(403).json({ error: 'Forbidden' });

app.get('/admin/users', authenticate, authorize('admin'), (req, res) => res.json([]));

const documents = { 1: { id: 1, ownerId: 'alice' } };
async function getDocument(req, res) {
  const doc = documents[req.params.id];
  if (doc.ownerId !== req.user.sub && req.user.role !== 'admin') {
    return res.status(403).json({ error: 'Access denied' });
  }
  return res.json(doc);
}
app.get('/documents/:id', authenticate, getDocument);

const createUser = Joi.object({
  email: Joi.string().email().required(),
  password: Joi.string().min(8).max(100).required(),
  name: Joi.string().min(1).max(100).required(),
  role: Joi.string().valid('user', 'moderator').default('user'),
});

const validate = (schema) => (req, res, next) => {
  const { error, value } = schema.validate(req.body);
  if (error) return res.status(400).json({ error: error.details[0].message });
  req.body = value;
  next();
};
app.post('/users', validate(createUser), (req, res) => res.json(req.body));

function sanitizeInput(req, res, next) {
  if (req.body.content) {
    req.body.content = sanitize(req.body.content, { allowedTags: [], allowedAttributes: {} });
  }
  next();
}
app.post('/content', sanitizeInput, (req, res) => res.json(req.body));

const limiter = rateLimit({
  windowMs: 15 * 60 * 1000,
  max: 100,
  message: { error: 'Too many requests' },
  standardHeaders: true,
  legacyHeaders: false,
  skipSuccessfulRequests: true,
});
const loginLimiter = rateLimit({ windowMs: 60 * 60 * 1000, max: 10, skipSuccessfulRequests: true });

app.use('/api/', limiter);
app.post('/api/auth/login', loginLimiter, (req, res) =>
  req.body.password === 'right' ? res.json({}) : res.status(401).json({}));
app.get('/api/there', (req, res) => res.json({}));

const page = helmet({
  contentSecurityPolicy: {
    directives: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:', 'https:'],
    },
  },
  hsts: { maxAge: 31536000, includeSubDomains: true, preload: true },
});
app.get('/page', page, (req, res) => res.type('html').send('<p>hello</p>'));

const crossOrigin = cors({
  origin: process.env.ALLOWED_ORIGINS.split(','),
  methods: ['GET', 'POST', 'PUT', 'DELETE'],
  allowedHeaders: ['Content-Type', 'Authorization'],
  exposedHeaders: ['X-Total-Count'],
  credentials: true,
  maxAge: 86400,
});
app.all('/cors', crossOrigin, (req, res) => res.json({}));

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
