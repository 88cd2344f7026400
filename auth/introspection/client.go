package introspection

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Client is this service, as the authorization server knows it, and how it
// asks. Exactly one of Secret, Certificate and Authorize must be set: an
// endpoint that answers everybody tells an attacker what a stolen token is good
// for (RFC 7662 section 4). It prints, logs and encodes as JSON without the
// Secret. Other encoders see every field.
type Client struct {
	// ID is the client_id of this service at the authorization server. Required
	// with Secret and with Certificate.
	ID string
	// Secret is sent with the ID by HTTP Basic authentication. Both are
	// form-encoded first (RFC 6749 section 2.3.1). If a server does not decode
	// them, and they have more than letters and digits, use Authorize.
	// Required, unless Certificate or Authorize is set.
	Secret string
	// Certificate says that the Transport authenticates the ID with a
	// client certificate (RFC 8705 section 2). The Endpoint must then be https.
	// Default: false.
	Certificate bool
	// Authorize authenticates this service in any other way. It may set header
	// fields of the request, such as Authorization. It may add to the PostForm,
	// such as client_assertion (RFC 7523 section 2.2). It must not change
	// anything else. The context of the request bounds it. If it returns an
	// error, the endpoint is not asked, and the token is refused with 503. It
	// must be safe for concurrent use. Default: nil.
	Authorize func(*http.Request) error

	// Transport makes the requests. Default: a transport that uses the proxy of
	// the environment and TLS 1.2 or later.
	Transport http.RoundTripper
	// Timeout bounds one question with its answer. It also bounds how long a
	// request waits until its question can begin. Default: 5 seconds. At most
	// 30 seconds.
	Timeout time.Duration
	// MaxAnswerBytes bounds an answer in bytes. Default: 65536 (64 KiB). At
	// most 1048576 (1 MiB).
	MaxAnswerBytes int64
	// MaxConcurrent bounds the questions under way. At most 1024 requests wait
	// for an answer or to ask; more are refused with 503. Default: 64. At most
	// 1024.
	MaxConcurrent int
}

// Format names the client, and keeps the secret out of logs for every verb.
func (c Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Client) shown() string { return "client " + strconv.Quote(c.ID) }

// LogValue is the text of Format.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Client) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

// authorizer returns what authenticates this service. The secret is in a
// closure, where nothing prints it.
func (c Client) authorizer() func(*http.Request) error {
	switch {
	case c.Authorize != nil:
		return c.Authorize
	case c.Certificate:
		return func(r *http.Request) error {
			r.PostForm.Set("client_id", c.ID) // RFC 8705 section 2
			return nil
		}
	}
	// RFC 6749 section 2.3.1: form-encoded first, so that a colon in the id
	// does not end it.
	pair := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return func(r *http.Request) error {
		r.Header.Set("Authorization", basic)
		return nil
	}
}
