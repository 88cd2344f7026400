package authzen

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/outbound"
)

// An endpoint sends questions to a decision point (Authorization API 1.0,
// section 10.1).
type endpoint struct {
	client    *outbound.Client
	authorize func(*http.Request) error
	maxBytes  int64
	timeout   time.Duration
}

// A failure says why there is no answer. If down is set, the decision point
// would not answer other questions either.
type failure struct {
	cause error
	down  bool
}

func newEndpoint(c Config) *endpoint {
	e := &endpoint{client: outbound.NewClient(c.Transport, c.MaxConcurrent), authorize: c.Authorize, maxBytes: c.MaxAnswerBytes, timeout: c.Timeout}
	if c.Secret != "" {
		bearer := "Bearer " + c.Secret // in a closure, where nothing prints it
		e.authorize = func(r *http.Request) error {
			r.Header.Set("Authorization", bearer)
			return nil
		}
	}
	return e
}

// send returns the body of an answer that is 200 and JSON.
func (e *endpoint) send(ctx context.Context, url string, question []byte) ([]byte, *failure) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	request, err := e.request(ctx, url, question)
	if err != nil {
		return nil, &failure{cause: fmt.Errorf("authenticate this service by authzen.Config.Authorize: %w", err)}
	}
	response, err := e.client.Ask(request)
	if err != nil {
		return nil, e.lost(ctx, began, err)
	}
	defer response.Body.Close()
	if f := headFault(response); f != nil {
		// A short body is read, so that the connection can be used again.
		io.CopyN(io.Discard, response.Body, maxDrain)
		return nil, f
	}
	body, longer, err := outbound.Read(response.Body, e.maxBytes)
	switch {
	case err != nil, ctx.Err() != nil: // a Transport may not look at its context
		return nil, e.lost(ctx, began, err)
	case longer:
		return nil, &failure{fmt.Errorf("the answer is longer than authzen.Config.MaxAnswerBytes, which is %d", e.maxBytes), true}
	}
	return body, nil
}

// maxDrain bounds what is read of an answer that is not used.
const maxDrain = 4 << 10

// request makes a question. Authorize gets a draft, so that it cannot send the
// question anywhere else.
func (e *endpoint) request(ctx context.Context, url string, question []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	if e.authorize != nil {
		draft, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
		if err != nil {
			return nil, err
		}
		if err := e.authorize(draft); err != nil {
			return nil, err
		}
		if draft.Header != nil {
			request.Header = draft.Header
		}
	}
	request.Header.Set("Content-Type", "application/json")
	if id := bulwark.RequestID(ctx); id != "" {
		request.Header.Set("X-Request-ID", id) // section 10.1.3
	}
	return request, nil
}

// headFault returns nil for 200 with JSON. Every other status is an error, and
// never a denial of the caller (section 10.1.2).
func headFault(response *http.Response) *failure {
	if f := statusFault(response.StatusCode); f != nil {
		return f
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || len(response.Header.Values("Content-Type")) > 1 {
		return &failure{errors.New("the answer is not application/json; authzen.Config.URL must be the URL of a decision point that speaks the Authorization API 1.0"), true}
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return &failure{errors.New("the answer is compressed, which was not asked for; turn compression off at the decision point"), true}
	}
	return nil
}

// statusFault returns nil for 200. A 4xx is about the question, or about one of
// the two endpoints: a firewall that refuses the id of one object does not keep
// out all others. 401 and 429 hold for every question.
func statusFault(status int) *failure {
	text := fmt.Sprintf("the answer is %d", status)
	switch {
	case status == http.StatusOK:
		return nil
	case status >= 300 && status <= 399:
		return &failure{errors.New(text + ", and a redirect is not followed; write the final URL in authzen.Config.URL"), true}
	case status == http.StatusUnauthorized:
		return &failure{errors.New(text + ": the decision point does not accept the credentials of this service; correct authzen.Config.Secret or Authorize"), true}
	case status == http.StatusForbidden:
		return &failure{errors.New(text + ": the decision point, or a firewall before it, refuses this service; correct authzen.Config.Secret or Authorize, or the permissions of this service there"), false}
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return &failure{errors.New(text + ": there is no such endpoint; correct authzen.Config.URL, or set MaxBatch to 1 if only the endpoint for several questions is missing"), false}
	case status == http.StatusTooManyRequests:
		return &failure{errors.New(text + ": the decision point is asked too often; raise its limit, or lower authzen.Config.MaxConcurrent"), true}
	case status >= 400 && status <= 499:
		return &failure{errors.New(text + ": the decision point does not take the question; look at its log, and at authzen.Config.Map"), false}
	case status >= 500:
		return &failure{errors.New(text + ": the decision point has failed; look at its log"), true}
	}
	return &failure{errors.New(text + " in place of 200; authzen.Config.URL must be the URL of a decision point"), true}
}

// lost is the failure of an answer that did not come to a question that began
// at that time. If the caller has gone, or had less than half of the time that
// a question has, then the decision point has not failed.
func (e *endpoint) lost(ctx context.Context, began time.Time, err error) *failure {
	switch ended := ctx.Err(); {
	case errors.Is(ended, context.Canceled), ended != nil && time.Since(began) < e.timeout/2:
		return &failure{fmt.Errorf("the request ended before the answer came: %w", ended), false}
	case ended != nil:
		return &failure{fmt.Errorf("no answer in time, and authzen.Config.Timeout is %v: %w", e.timeout, ended), true}
	}
	return &failure{readable(err), true}
}

// readable takes out of an error what the other side may have written: the URL
// of a redirect, the names in a certificate, and an answer that is not HTTP.
func readable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("the certificate of the decision point is not trusted, or that of a proxy before it; set a Transport with its roots in authzen.Config.Transport")
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed before the end of the answer")
	}
	return errors.New("the answer is not HTTP that can be read; check authzen.Config.URL and Transport")
}
