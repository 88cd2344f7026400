package authzen

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// check fills in the defaults, and returns everything that is wrong with c.
func (c *Config) check() error {
	found := fault.In("authzen")
	c.checkURLs(found)
	c.checkCredentials(found)
	c.Timeout = found.Span("Timeout", c.Timeout, leastTime, mostTimeout, defaultTimeout)
	c.MaxAnswerBytes = int64(found.Number("MaxAnswerBytes", int(min(c.MaxAnswerBytes, mostAnswerBytes+1)), 1, mostAnswerBytes, defaultAnswerBytes))
	c.MaxConcurrent = found.Number("MaxConcurrent", c.MaxConcurrent, 1, mostConcurrent, defaultConcurrent)
	c.MaxBatch = found.Number("MaxBatch", c.MaxBatch, 1, mostBatch, defaultBatch)
	c.Breaker.Failures = found.Number("Breaker.Failures", c.Breaker.Failures, 1, mostFailures, defaultFailures)
	c.Breaker.MaxPause = found.Span("Breaker.MaxPause", c.Breaker.MaxPause, leastTime, mostMaxPause, defaultMaxPause)
	c.Breaker.Pause = found.Span("Breaker.Pause", c.Breaker.Pause, leastTime, c.Breaker.MaxPause, min(defaultPause, c.Breaker.MaxPause))
	if c.SubjectType == "" {
		c.SubjectType = "user"
	}
	if c.Transport != nil && fault.IsNil(c.Transport) {
		found.Add("Transport", "", "holds a nil pointer; leave it out, or set a Transport")
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		found.Add("Recorder", "", "holds a nil pointer; leave it out, or set a Recorder")
	}
	return found.Err()
}

// checkURLs fills in the URLs of the two endpoints.
func (c *Config) checkURLs(found *fault.List) {
	base := strings.TrimRight(c.URL, "/")
	if c.EvaluationURL == "" {
		c.EvaluationURL = base + evaluationPath
	} else {
		c.checkURL(found, "EvaluationURL", c.EvaluationURL)
	}
	if c.EvaluationsURL == "" {
		c.EvaluationsURL = base + evaluationsPath
	} else {
		c.checkURL(found, "EvaluationsURL", c.EvaluationsURL)
	}
	c.checkURL(found, "URL", c.URL)
}

func (c *Config) checkURL(found *fault.List, field, text string) {
	if reason := urlFault(text, c.InsecureHTTP); reason != "" {
		found.Add(field, withoutUser(text), reason)
	}
}

// urlFault says what is wrong with the URL of a decision point, or returns "".
func urlFault(text string, plain bool) string {
	if len(text) > maxURLBytes {
		return "is longer than 2048 bytes; write a shorter URL"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "": // a dialer takes ":443" for this machine
		return "must be an absolute https URL, such as https://pdp.example.com"
	case u.User != nil || strings.Contains(text, "@"):
		return "must not have a user; write the credentials of this service in Secret or Authorize"
	case strings.ContainsAny(text, "?#"):
		return "must have neither query nor fragment; write the URL up to them"
	case u.Scheme == "https" || u.Scheme == "http" && (plain || isLoopback(u.Hostname())):
		return ""
	}
	return "must be https: an attacker on the way could allow everything; on a network that something else protects, set InsecureHTTP"
}

// isLoopback reports whether a host name is this machine.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// withoutUser keeps a password out of a text. It returns "" for each URL with
// an @, because the URL may hold a password, wherever a parser finds it.
func withoutUser(text string) string {
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}

func (c *Config) checkCredentials(found *fault.List) {
	if c.Secret != "" && c.Authorize != nil {
		found.Add("Secret", "", "must not stand beside Authorize; leave one of them out")
	}
	for i := range len(c.Secret) {
		if c.Secret[i] <= ' ' || c.Secret[i] > '~' {
			found.Add("Secret", "", "has a space, a line end or another character that a Bearer token cannot have; trim what was read from a file, or use Authorize")
			break
		}
	}
}
