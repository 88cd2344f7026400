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
)

// A Client is this service as the authorization server knows it. Exactly one of
// Secret, Certificate and Authorize authenticates it: an endpoint that answers
// anybody tells everybody who holds a token what the token is good for (RFC
// 7662 section 4). It prints, logs and encodes as JSON without the Secret;
// other encoders see every field.
type Client struct {
	// ID is this service's name at the authorization server. Required with
	// Secret and with Certificate.
	ID string
	// Secret is sent with the ID by HTTP Basic authentication (RFC 6749 section
	// 2.3.1). Both are form-encoded first. A server that does not decode them
	// needs Authorize where they have more than letters and digits.
	Secret string
	// Certificate says that [Config.Transport] authenticates the ID by a client
	// certificate (RFC 8705 section 2). The Endpoint must then be https.
	Certificate bool
	// Authorize authenticates this service in any other way: it sets header
	// fields of the request, such as Authorization, or adds to its PostForm,
	// such as client_assertion (RFC 7523 section 2.2), and changes nothing
	// else. The context of the request bounds it. With an error nobody is
	// asked. It must be safe for concurrent use.
	Authorize func(*http.Request) error
}

// Format names the client, and keeps the secret out of logs for every verb.
func (c Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Client) shown() string { return "client " + strconv.Quote(c.ID) }

// LogValue is the text of Format.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes String.
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
	// RFC 6749 section 2.3.1: form-encoded first, so that a colon in the id is
	// none.
	pair := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return func(r *http.Request) error {
		r.Header.Set("Authorization", basic)
		return nil
	}
}
