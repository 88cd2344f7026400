package redisstore

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// An Outage says how limits decide while Redis does not answer.
type Outage int

const (
	// Closed refuses. Debit returns an error, and the limit answers 503 with
	// Retry-After.
	Closed Outage = iota + 1
	// Local counts in the memory of each process, with the limit divided by
	// [LimitsConfig].Instances. The table is kept between outages, so that a
	// Redis that comes and goes gives nobody a fresh quota each time.
	Local
	// InsecureOpen lets every request pass uncounted. NewLimits reports this
	// mode once, as an event.
	InsecureOpen
)

// The bounds and the defaults of a LimitsConfig.
const (
	minSecret      = 32
	defaultPrefix  = "rl"
	maxPrefix      = 64
	minTimeout     = time.Millisecond
	maxTimeout     = 10 * time.Second
	defaultTimeout = 50 * time.Millisecond
	maxInstances   = 10_000
	minKeys        = 8
	maxKeys        = 1 << 27
	defaultKeys    = 1 << 18
)

// LimitsConfig is the configuration of [NewLimits]. Printed, logged or encoded
// as JSON, a LimitsConfig does not show the Secret.
type LimitsConfig struct {
	// Client sends the commands. See [Rueidis]. Required.
	Client Client
	// Secret is the deployment key. All processes that share limits have the
	// same Secret. The names of the cells in Redis are made with it, so that
	// nobody who sees them learns an address or a user. A process with another
	// Secret counts for itself, and nothing reports it. After a change of the
	// Secret, all quotas are whole again. Required. At least 32 random bytes.
	Secret []byte
	// Prefix is the beginning of each key in Redis. Services with the same
	// Secret in the same Redis need a Prefix each, unless they share their
	// limits. Letters, digits, and the characters . _ - and :. At most 64
	// bytes. Default: "rl".
	Prefix string
	// Timeout is how long one call waits for Redis. At least 1 millisecond. At
	// most 10 seconds. Default: 50 milliseconds.
	Timeout time.Duration
	// OnOutage says how limits decide while Redis does not answer. Default:
	// [Local] if Instances is set, otherwise [Closed].
	OnOutage Outage
	// Instances is how many processes share the limits. In the mode Local each
	// process lets the Limit and the Burst divided by Instances pass, rounded
	// down, and at least 1. So all processes together do not exceed the Limit,
	// unless the Limit is below Instances. Write the highest number that your
	// platform starts. At most 10,000. Default: 0, which is allowed unless
	// OnOutage is Local.
	Instances int
	// MaxKeys is how many cells the table of the mode Local keeps, as
	// [ratelimit.MemoryStore].Max. A sixteenth of it, and at least 8, is how
	// many refusals are remembered. At least 8. At most 134,217,728. Default:
	// 262,144, which is 4 MiB for the table.
	MaxKeys int
	// Recorder receives an event at the begin and at the end of each outage.
	// Default: the audit layer of the request that notices it, or otherwise
	// slog.Default.
	Recorder bulwark.Recorder
}

// Format writes the Prefix and the mode, for every verb, and never the Secret.
func (c LimitsConfig) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

// LogValue is the text of Format.
func (c LimitsConfig) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c LimitsConfig) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

func (c LimitsConfig) shown() string {
	return fmt.Sprintf("redisstore.LimitsConfig with the Prefix %q and OnOutage %v", c.Prefix, c.OnOutage)
}

// check reports everything that is wrong, and fills in the defaults.
func (c *LimitsConfig) check() error {
	faults := fault.In("redisstore.Limits")
	if c.Client == nil || fault.IsNil(c.Client) {
		faults.Add("Client", "", "is missing; write redisstore.Rueidis(client)")
	}
	if len(c.Secret) < minSecret {
		faults.Add("Secret", "", fmt.Sprintf("must have at least %d random bytes, the same for all processes", minSecret))
	}
	if kind := keyform.Of(c.Secret); kind != "" {
		faults.Add("Secret", "", "is "+kind+" and not a secret; write at least 32 random bytes, the same for all processes")
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if len(c.Prefix) > maxPrefix || strings.ContainsFunc(c.Prefix, notInPrefix) {
		faults.Add("Prefix", fmt.Sprintf("%.80q", c.Prefix), fmt.Sprintf("must be letters, digits and the characters . _ - : and at most %d bytes", maxPrefix))
	}
	c.Timeout = faults.Span("Timeout", c.Timeout, minTimeout, maxTimeout, defaultTimeout)
	c.MaxKeys = faults.Number("MaxKeys", c.MaxKeys, minKeys, maxKeys, defaultKeys)
	if c.Instances < 0 || c.Instances > maxInstances {
		faults.Add("Instances", fmt.Sprint(c.Instances), fmt.Sprintf("must be 1 to %d, or 0 if OnOutage is not Local", maxInstances))
	}
	switch {
	case c.OnOutage == 0 && c.Instances > 0:
		c.OnOutage = Local
	case c.OnOutage == 0:
		c.OnOutage = Closed
	case c.OnOutage == Local && c.Instances == 0:
		faults.Add("Instances", "0", "is missing, and OnOutage is Local; write how many processes share the limits")
	case c.OnOutage < 0 || c.OnOutage > InsecureOpen:
		faults.Add("OnOutage", fmt.Sprint(int(c.OnOutage)), "must be Closed, Local or InsecureOpen")
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		faults.Add("Recorder", "", "is a nil inside an interface; leave Recorder out")
	}
	return faults.Err()
}

const prefixBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"

func notInPrefix(r rune) bool { return !strings.ContainsRune(prefixBytes, r) }

// String is the name of the mode in events.
func (o Outage) String() string {
	switch o {
	case Closed:
		return "closed"
	case Local:
		return "local"
	case InsecureOpen:
		return "insecure_open"
	}
	return fmt.Sprintf("Outage(%d)", int(o))
}
