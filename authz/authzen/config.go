package authzen

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// Config says which decision point is asked, and how. It prints, logs and
// encodes as JSON without the Secret. Other encoders see every field.
type Config struct {
	// URL is the base URL of the decision point, such as
	// "https://pdp.example.com" or "https://fga.example.com/stores/01JN". In
	// the metadata of a decision point it is policy_decision_point. It must be
	// https, or http on loopback. It has no user, query and fragment. Its path
	// is kept. Required.
	URL string
	// InsecureHTTP allows http to every host. An attacker on the way can then
	// read the questions, and can allow everything. Set it only if something
	// else protects the network, such as a service mesh. Default: false.
	InsecureHTTP bool
	// EvaluationURL is the URL for one question, if the metadata of the
	// decision point has another access_evaluation_endpoint. The rules of URL
	// hold for it. Default: URL and "/access/v1/evaluation".
	EvaluationURL string
	// EvaluationsURL is the URL for several questions at once, if the metadata
	// of the decision point has another access_evaluations_endpoint. The rules
	// of URL hold for it. Default: URL and "/access/v1/evaluations".
	EvaluationsURL string

	// Secret authenticates this service. It is sent as a Bearer token (RFC 6750
	// section 2.1). Only one of Secret and Authorize may be set. Default: none,
	// for a decision point that does not ask, such as one on loopback, and for
	// a Transport with a client certificate.
	Secret string
	// Authorize authenticates this service in any other way, such as with a
	// token that changes. It may set header fields of the request. Its other
	// changes have no effect. The context of the request bounds it. If it
	// returns an error, nothing is sent and nothing is allowed. The error
	// reaches the log, so it must not hold a secret. Authorize must be safe for
	// concurrent use. Default: nil.
	Authorize func(*http.Request) error
	// Transport makes the requests. It must end a request when its context
	// ends. The guards of this package hold for it too. Default: a transport
	// that uses the proxy of the environment and TLS 1.2 or later.
	Transport http.RoundTripper
	// Timeout bounds one question with its answer. It also bounds how long a
	// question waits until it can be sent. The ctx of a call bounds both
	// together; package authz gives it 5 seconds. Default: 1 second. At most 5
	// seconds.
	Timeout time.Duration
	// MaxAnswerBytes bounds an answer in bytes, to one question and to a batch.
	// Default: 65536 (64 KiB). At most 1048576 (1 MiB).
	MaxAnswerBytes int64
	// MaxConcurrent bounds the requests under way. At most 1024 more wait; the
	// rest fails at once. Default: 64. At most 1024.
	MaxConcurrent int
	// MaxBatch bounds the questions in one request of [Client.DecideAll]. More
	// are sent as several requests, one after the other. With 1 each question
	// is sent to EvaluationURL, for a decision point without EvaluationsURL.
	// Default: 50, the default bound of OpenFGA. At most 1000.
	MaxBatch int
	// Breaker says when a decision point that fails is left alone. Default: the
	// defaults of its fields.
	Breaker Breaker

	// SubjectType is the type of the subject in a question. Default: "user".
	SubjectType string
	// Map changes a question before it is sent, for a decision point that has
	// other names. See [Evaluation] for the question that Map gets. If Map
	// returns an error, nothing is sent and nothing is allowed. The error
	// reaches the log, so it must not hold what a client has sent.
	//
	// If Map changes the id of the subject, two callers must never get the same
	// one. Subject alone is not enough: two issuers may each have a user
	// "alice". Map must be safe for concurrent use, and must not change the
	// Query. Default: nil.
	Map func(*authz.Query, *Evaluation) error
	// Recorder gets the events of the Breaker. Default: nil, the events go to
	// the audit layer of the request that found out, or else to
	// [slog.Default].
	Recorder bulwark.Recorder
}

// A Breaker says when a decision point that fails is left alone. Then every
// question is refused at once, until a pause is over. After the pause one
// question finds out whether the decision point is back.
//
// A question fails if there is no answer in time, or no connection, or an
// answer that this package cannot use, and with the statuses 401, 429, 500 and
// above. An answer that is about one question alone, such as 400 or 403, does
// not count. A question whose ctx ends before half of [Config.Timeout] is over
// does not count either.
type Breaker struct {
	// Failures is how many questions in a row must fail. Default: 5. At most
	// 1000.
	Failures int
	// Pause is the first pause. Each further failure doubles it. Default: 1
	// second. At most MaxPause.
	Pause time.Duration
	// MaxPause is the longest pause. Default: 30 seconds. At most 5 minutes.
	MaxPause time.Duration
}

const (
	defaultTimeout     = time.Second
	mostTimeout        = 5 * time.Second // what package authz gives an engine
	defaultAnswerBytes = 64 << 10
	mostAnswerBytes    = 1 << 20
	defaultConcurrent  = 64
	mostConcurrent     = 1024
	defaultBatch       = 50
	mostBatch          = 1000
	defaultFailures    = 5
	mostFailures       = 1000
	defaultPause       = time.Second
	defaultMaxPause    = 30 * time.Second
	mostMaxPause       = 5 * time.Minute
	leastTime          = time.Millisecond
	maxURLBytes        = 2048
	evaluationPath     = "/access/v1/evaluation"
	evaluationsPath    = "/access/v1/evaluations"
)

// Format names the decision point, and keeps the secret out of logs for every
// verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Config) shown() string { return "authzen for " + strconv.Quote(withoutUser(c.URL)) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }
