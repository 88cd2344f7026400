package jwt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/outbound"
)

const (
	shortestLifetime = time.Minute
	usualLifetime    = 15 * time.Minute
	longestLifetime  = 24 * time.Hour
	maxRedirects     = 3
	maxError         = 256 // bytes of its text
)

// fetcher gets a key set over HTTP.
type fetcher struct {
	url      string     // of the key set
	issuer   *discovery // which tells the URL; nil where that is known
	client   *http.Client
	timeout  time.Duration
	maxBytes int64
	maxKeys  int
	plain    bool // http is allowed to every host
}

func (f *fetcher) newClient(c RemoteConfig) *http.Client {
	transport := c.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// A connection that is being made outlives its fetch.
			DialContext:            (&net.Dialer{Timeout: outbound.MaxStep}).DialContext,
			TLSHandshakeTimeout:    outbound.MaxStep,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // a fetch now and then: nothing to keep
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: f.checkRedirect}
}

// checkRedirect follows only where the first request might have gone: never
// from https to http, also with InsecureHTTP, and from loopback nowhere else
// without TLS. Nor with a user: a request of ours must not carry a password
// that somebody else has chosen.
func (f *fetcher) checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	if next.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" {
		return errors.New("redirect away from https")
	}
	if reason := f.fault(next.URL.String()); reason != "" {
		return errors.New("the target of the redirect " + reason)
	}
	return nil
}

// fetch returns the keys and how long they live. One fetch is under way at a
// time.
func (f *fetcher) fetch(ctx context.Context) (*jose.KeySet, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	began := time.Now()
	url := f.url
	if f.issuer != nil {
		var err error
		if url, err = f.issuer.keysURL(ctx, f); err != nil {
			return nil, 0, f.failed("discover", err)
		}
	}
	set, lifetime, err := f.keys(ctx, url)
	if err != nil {
		if f.issuer != nil {
			f.issuer.forget(began) // they may have moved
		}
		return nil, 0, f.failed("fetch", err)
	}
	return set, lifetime, nil
}

// failed says what has failed, in a short text: it goes to the log, and the
// server may have written most of it.
func (f *fetcher) failed(what string, err error) error {
	var at *url.Error
	if errors.As(err, &at) { // whose URL is where the server redirects to, with the password in it
		err = at.Err
	}
	text := err.Error()
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		text += fmt.Sprintf("; RemoteConfig.Timeout is %v", f.timeout)
	}
	return errors.New(what + " the keys of jwt.Config.Keys: " + text)
}

func (f *fetcher) keys(ctx context.Context, url string) (*jose.KeySet, time.Duration, error) {
	body, header, err := f.get(ctx, url, "application/jwk-set+json, application/json")
	if err != nil {
		return nil, 0, err
	}
	keys, err := jose.ParseKeySet(body, f.maxKeys)
	if tooMany := (*jose.TooManyKeysError)(nil); errors.As(err, &tooMany) {
		return nil, 0, fmt.Errorf("%w; RemoteConfig.MaxKeys is their bound", tooMany)
	}
	if err != nil {
		return nil, 0, err
	}
	return jose.NewKeySet(keys), lifetime(header, time.Now()), nil
}

// statusError is an answer that is not 200.
type statusError int

func (s statusError) Error() string { return "the answer is " + strconv.Itoa(int(s)) }

// tooLongError is an answer beyond the bound.
type tooLongError int64

func (most tooLongError) Error() string {
	return fmt.Sprintf("more than %d bytes; RemoteConfig.MaxDocumentBytes is the bound", int64(most))
}

// get returns the body of a document, within the bounds. With a tooLongError it
// returns the beginning.
func (f *fetcher) get(ctx context.Context, url, accept string) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", accept)
	response, err := f.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, statusError(response.StatusCode)
	}
	body, longer, err := outbound.Read(response.Body, f.maxBytes)
	if err != nil {
		return nil, nil, err
	}
	if longer {
		return body, response.Header, tooLongError(f.maxBytes)
	}
	return body, response.Header, nil
}

// lifetime reads Cache-Control and Expires (RFC 9111 sections 5.2.2 and 5.3),
// less the age that the document had when it came, within bounds: a server
// cannot make us ask all the time, and cannot keep a withdrawn key in use.
func lifetime(h http.Header, now time.Time) time.Duration {
	fresh, said := usualLifetime, false
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.Trim(directive, " \t"), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return shortestLifetime
			case "max-age":
				// Of several the first counts (RFC 9111 section 4.2.1).
				if seconds, ok := deltaSeconds(strings.Trim(value, `"`)); ok && !said {
					fresh, said = seconds, true
				}
			}
		}
	}
	if lines := h["Expires"]; len(lines) > 0 && !said {
		fresh = expires(lines[0], dated(h, now))
	}
	return min(max(fresh-age(h, now), shortestLifetime), longestLifetime)
}

// expires is the time between the date of a document and its Expires. A value
// that is not a date has passed (RFC 9111 section 5.3).
func expires(text string, date time.Time) time.Duration {
	end, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return end.Sub(date)
}

// dated returns the Date of a document, or now.
func dated(h http.Header, now time.Time) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return now
	}
	return date
}

// age is how long the document has been in caches on the way (RFC 9111 section
// 4.2.3): what Age says, or the time since its Date if that is longer. Of
// several values of Age the first counts. A value that cannot be read counts as
// absent.
func age(h http.Header, now time.Time) time.Duration {
	since := now.Sub(dated(h, now))
	lines := h["Age"]
	if len(lines) == 0 {
		return max(since, 0)
	}
	first, _, _ := strings.Cut(lines[0], ",")
	seconds, _ := deltaSeconds(strings.Trim(first, " \t"))
	return max(since, seconds, 0)
}

// deltaSeconds reads digits (RFC 9111 section 1.2.2): a number that is too
// large is one that is very large.
func deltaSeconds(text string) (time.Duration, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt32 * time.Second, true
	}
	return time.Duration(seconds) * time.Second, err == nil
}

// fault says what is wrong with the URL of a key set, or with an issuer.
func (f *fetcher) fault(text string) string {
	return address.FaultIn(text, "an attacker on the way could put other keys in their place", f.plain)
}

// where names what is fetched, for the log.
func (f *fetcher) where() string {
	if f.issuer != nil {
		return f.issuer.name
	}
	place, _, _ := strings.Cut(f.url, "?") // whose query may be secret
	return place
}
