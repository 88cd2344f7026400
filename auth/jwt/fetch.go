package jwt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/jose"
)

const (
	shortestLifetime = time.Minute
	usualLifetime    = 15 * time.Minute
	longestLifetime  = 24 * time.Hour
	maxRedirects     = 3
)

// fetcher gets a key set over HTTP.
type fetcher struct {
	url      string
	client   *http.Client
	timeout  time.Duration
	maxBytes int
	maxKeys  int
}

func (f *fetcher) newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true, // a fetch now and then: nothing to keep
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}
}

// checkRedirect follows only where the first request might have gone: never
// from https to http, and from loopback nowhere else without TLS.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("too many redirects")
	}
	if next.URL.Scheme == "https" {
		return nil
	}
	if via[0].URL.Scheme == "https" || urlFault(next.URL.String()) != "" {
		return errors.New("redirect away from https")
	}
	return nil
}

// fetch returns the keys and how long they live.
func (f *fetcher) fetch(ctx context.Context) (*jose.KeySet, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the keys: %w", err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the keys: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("fetch the keys: the answer is %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(f.maxBytes)+1))
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the keys: %w", err)
	}
	if len(body) > f.maxBytes {
		return nil, 0, fmt.Errorf("fetch the keys: more than %d bytes", f.maxBytes)
	}
	keys, err := jose.ParseKeys(body, f.maxKeys)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the keys: %w", err)
	}
	set, err := jose.NewKeySet(keys)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch the keys: %w", err)
	}
	return set, lifetime(response.Header), nil
}

// lifetime reads Cache-Control (RFC 9111 section 5.2.2), within bounds: a server
// can neither make us ask all the time nor keep a withdrawn key in use.
func lifetime(h http.Header) time.Duration {
	age := usualLifetime
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.Trim(directive, " \t"), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return shortestLifetime
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
				if err == nil {
					age = time.Duration(seconds) * time.Second
				}
			}
		}
	}
	return min(max(age, shortestLifetime), longestLifetime)
}

// urlFault says what is wrong with the URL of a key set.
func urlFault(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "must be an absolute https URL"
	case u.User != nil || u.Fragment != "":
		return "must have neither user nor fragment"
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "must be https; who can change the keys on their way can be anybody"
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// withoutUser keeps a password out of an error. What has an @ may have one,
// wherever a parser sees it.
func withoutUser(text string) string {
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}
