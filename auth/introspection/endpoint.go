package introspection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/outbound"
)

// endpoint asks the authorization server (RFC 7662 section 2).
type endpoint struct {
	url       string
	client    *outbound.Client
	authorize func(*http.Request) error
	maxBytes  int64
}

func newEndpoint(c Config) *endpoint {
	return &endpoint{
		url: c.Endpoint, client: outbound.NewClient(c.Client.Transport, c.Client.MaxConcurrent),
		authorize: c.Client.authorizer(), maxBytes: c.Client.MaxAnswerBytes,
	}
}

// ask returns the answer about a token, not yet read, or the refusal of the
// token, or why there is neither.
func (e *endpoint) ask(ctx context.Context, token string) ([]byte, *refusal, *failure) {
	request, err := e.request(ctx, token)
	if err != nil {
		return nil, nil, &failure{cause: fmt.Errorf("authenticate this service by introspection.Config.Client: %w", err)}
	}
	response, err := e.client.Ask(request)
	if err != nil {
		return nil, nil, &failure{cause: readable(err)}
	}
	defer response.Body.Close()
	if f := statusFault(response.StatusCode); f != nil {
		code := e.errorCode(response, token)
		if decided(response.StatusCode, code) {
			return nil, &refusal{auth.Invalid("inactive", fmt.Errorf("%w with the error %s", f.cause, code))}, nil
		}
		if code != "" {
			f.cause = fmt.Errorf("%w with the error %s", f.cause, code)
		}
		return nil, nil, f
	}
	body, f := e.body(response)
	return body, nil, f
}

// body returns the body of an answer, within the bounds.
func (e *endpoint) body(response *http.Response) ([]byte, *failure) {
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, &failure{cause: errors.New("the answer is not application/json"), token: true, strike: true}
	}
	body, longer, err := outbound.Read(response.Body, e.maxBytes)
	switch {
	case err != nil:
		return nil, &failure{cause: readable(err)}
	case longer:
		return nil, &failure{cause: fmt.Errorf("the answer is longer than introspection.Config.Client.MaxAnswerBytes, which is %d", e.maxBytes), token: true, strike: true}
	}
	return append(make([]byte, 0, len(body)), body...), nil // it may be kept: without spare room
}

// decided reports whether an answer that is not 200 is about the token, so that
// the endpoint is not down: it has been asked about a token of a kind that it
// does not have, or that it does not take for a token (RFC 7009 section 2.2.1,
// RFC 6750 section 3.1, RFC 8628 section 3.5). With 401 and 403 an error is
// about the credentials of this service (RFC 7662 section 2.3).
func decided(status int, code string) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return false
	}
	if status < 400 || status > 499 {
		return false
	}
	switch code {
	case "unsupported_token_type", "invalid_token", "expired_token", "token_expired", "token_inactive", "inactive_token":
		return true
	}
	return false
}

// errorCode returns the member error of an answer (RFC 6749 section 5.2), empty
// where there is none that can be logged: the other side has written it.
func (e *endpoint) errorCode(response *http.Response, token string) string {
	body, f := e.body(response)
	if f != nil {
		return ""
	}
	members, err := jsondoc.Members(nil, body, jsondoc.Limits{Bytes: len(body), Depth: 8, Keys: 64})
	if err != nil {
		return ""
	}
	code, _ := claims.Find(members, "error").(string)
	if code == "" || len(code) > maxErrorCode || strings.Contains(token, code) {
		return ""
	}
	for i := range len(code) {
		if c := code[i]; c != '_' && (c < 'a' || c > 'z') {
			return ""
		}
	}
	return code
}

// maxErrorCode bounds an error in the log.
const maxErrorCode = 40

// request makes the question (RFC 7662 section 2.1). What authenticates it adds
// to a draft, so that it cannot send the token anywhere else.
func (e *endpoint) request(ctx context.Context, token string) (*http.Request, error) {
	draft, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, nil)
	if err != nil {
		return nil, err
	}
	draft.PostForm = url.Values{}
	if err := e.authorize(draft); err != nil {
		return nil, err
	}
	form := url.Values{}
	maps.Copy(form, draft.PostForm)
	form.Set("token", token)
	form.Set("token_type_hint", "access_token")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if draft.Header != nil {
		request.Header = draft.Header
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// statusFault returns nil for 200. A 4xx is about the question, and a 500 may
// be: a server, or a firewall in front of it, that fails for one token is not
// down for other tokens. If the endpoint refuses our own credentials, or says
// that we ask too much, it is down for all tokens.
func statusFault(status int) *failure {
	f := &failure{cause: errors.New("the answer is " + strconv.Itoa(status))}
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized:
		f.cause = errors.New("the endpoint does not accept introspection.Config.Client as the credentials of this service: the answer is 401")
	case status == http.StatusForbidden: // also by a firewall, because of the form of a token
		f.cause = errors.New("the endpoint refuses the question, or introspection.Config.Client as the credentials of this service: the answer is 403")
		f.token = true
	case status >= 400 && status <= 499 && status != http.StatusTooManyRequests:
		f.token = true
	case status == http.StatusInternalServerError, status == http.StatusNotImplemented:
		f.token, f.strike = true, true
	}
	return f
}

// readable takes out of an error what the other side may have written: the URL
// of a redirect, and an answer that is not HTTP. net/http quotes such an
// answer, and it may be our question with the token in it.
func readable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within introspection.Config.Client.Timeout: %w", context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed before the end of the answer")
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return errors.New("the certificate of the endpoint is not trusted")
	}
	return errors.New("the answer is not HTTP that can be read")
}
