// Package limits holds docs/limits.md to what happens.
//
// The page puts the limits of bulwark beside express-rate-limit and beside the
// limiters for Go that keep their counts in Redis. express.js runs the options
// of express-rate-limit. The tests send the same requests to both, at the same
// times, and compare the answers. The limiters for Go run against a real
// redis-server, in four processes.
//
//	npm ci && go test .
//
// The tests are skipped where Node.js, the packages of npm or redis-server are
// missing. Where BULWARK_BROWSER or BULWARK_REDIS is "required", they fail.
package limits
