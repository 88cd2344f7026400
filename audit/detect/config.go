package detect

import (
	"context"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// A Config says from where on access is unusual. The zero Config has all rules
// with their defaults.
type Config struct {
	// AccountKey is the secret key of the pseudonyms that [Detector.Account]
	// makes. With a key of your own, the pseudonym of an account is the same
	// after a restart, and in all instances of the service. Default: a random
	// key for each Detector. At least 32 bytes.
	AccountKey audit.Secret

	// OnAnomaly is called for each anomaly, after its event. The application
	// can answer: require a step-up, or tighten a limit. It runs on the
	// goroutine of the request, while the request waits. It must not block, and
	// must be safe for concurrent use. A panic in it goes no further.
	//
	// Do not refuse the logins of an account because of an anomaly alone.
	// Anybody can fail at the account of somebody else, so that such a lock
	// lets attackers lock everybody out. Ask for a second factor, or refuse the
	// address together with the account. Default: nil.
	OnAnomaly func(context.Context, Anomaly)

	// MaxActors is how many addresses, accounts or callers each rule keeps
	// apart at a time. It is rounded up to a power of two. An actor takes 20
	// bytes in each rule, and 4 bytes more for each value that the threshold
	// counts. With the defaults, no rule takes more than 1 MB, and a Detector
	// takes 7 MB. The memory is taken by New, and does not grow. Default:
	// 16,384. At least 64, at most 1,048,576.
	MaxActors int
	// MaxEstimated is how many weak estimates of a rule are reported one by one
	// in a window. An estimate is an anomaly of a flood, when a table is full:
	// its count contains what forgotten actors have done. The estimate is weak
	// if the actor itself has done less than three quarters of the threshold.
	// When the window is over, one event has the number of all other weak
	// estimates. An actor that goes on is reported again in the same window
	// when its estimate is not weak any more. Default: 16. At least 1, at most
	// 1,024.
	MaxEstimated int

	// BruteForce counts failed logins and guessed credentials of an address,
	// and failed logins of an account. Default: 5, leaking one each 10 seconds.
	BruteForce LeakConfig
	// CredentialStuffing counts the accounts at which an address fails.
	// Default: 5 in 5 minutes.
	CredentialStuffing WindowConfig
	// DistributedGuessing counts the addresses from which an account is failed
	// at. Default: 10 in 1 hour.
	DistributedGuessing WindowConfig
	// Enumeration counts the objects of a route that a caller is refused. The
	// caller is the address if nobody is known. Default: 10 in 5 minutes, or 6
	// in a row.
	Enumeration EnumerationConfig
	// Probing counts the different paths without a route that an address asks
	// for. Default: 10, leaking one each 10 seconds.
	Probing LeakConfig
	// SuccessAfterFailures counts the failed logins of an account since its
	// last login. The login that follows is the anomaly. Default: 3 in 1 hour.
	SuccessAfterFailures WindowConfig
}

// A LeakConfig is a rule with a count that leaks: attempts that are further
// apart than Leak never add up.
type LeakConfig struct {
	// Threshold is the count that is an anomaly. Default: see [Config]. At
	// least 2, at most 64.
	Threshold int
	// Leak is the time in which the count goes down by one. After an anomaly,
	// the same actor is not reported again for Threshold times Leak. Default:
	// 10 seconds. At least 1 millisecond, at most 1 hour.
	Leak time.Duration
	// InsecureOff switches the rule off. Default: false.
	InsecureOff bool
}

// A WindowConfig is a rule that counts different values, or attempts, in a
// window that slides.
type WindowConfig struct {
	// Threshold is the count that is an anomaly. Default: see [Config]. At
	// least 2, at most 64.
	Threshold int
	// Window is the time in which the values are counted. The Detector counts
	// up to 2 % longer, and never shorter. After an anomaly, the
	// same actor is not reported again for this time. Default: see [Config]. At
	// least 1 second, at most 24 hours.
	Window time.Duration
	// InsecureOff switches the rule off. Default: false.
	InsecureOff bool
}

// An EnumerationConfig is the rule about refused objects.
type EnumerationConfig struct {
	// Threshold is how many different objects of a route are an anomaly.
	// Default: 10. At least 2, at most 64.
	Threshold int
	// Run is how many ids in a row are an anomaly, upwards or downwards. The
	// ids are whole numbers, decimal or hexadecimal, with or without zeros in
	// front. A UUID is not a number. Default: 6. At least 3, at most 100.
	Run int
	// Window is the time in which the objects are counted. The Detector counts
	// up to 2 % longer, and never shorter. After an anomaly,
	// the same caller is not reported again for the same route for this time. A
	// run ends when nothing was refused for this time. Default: 5 minutes. At
	// least 1 second, at most 24 hours.
	Window time.Duration
	// InsecureOff switches the rule off. Default: false.
	InsecureOff bool
}

// New checks the Config and returns the Detector. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func New(c Config) (*Detector, error) {
	faults := fault.In("detect")
	key := []byte(c.AccountKey.Reveal())
	if len(key) > 0 && len(key) < minKeyBytes {
		faults.Add("AccountKey", "", fmt.Sprintf("has %d bytes; write at least 32 random bytes", len(key)))
	}
	if kind := keyform.Of(key); kind != "" {
		faults.Add("AccountKey", "", "is "+kind+" and not a secret; write at least 32 random bytes")
	}
	leak := func(field string, l *LeakConfig, threshold int) {
		l.Threshold = faults.Number(field+".Threshold", l.Threshold, 2, maxThreshold, threshold)
		l.Leak = faults.Span(field+".Leak", l.Leak, time.Millisecond, time.Hour, 10*time.Second)
	}
	window := func(field string, w *WindowConfig, threshold int, standard time.Duration) {
		w.Threshold = faults.Number(field+".Threshold", w.Threshold, 2, maxThreshold, threshold)
		w.Window = faults.Span(field+".Window", w.Window, time.Second, 24*time.Hour, standard)
	}
	c.MaxActors = faults.Number("MaxActors", c.MaxActors, 64, 1<<20, 1<<14)
	c.MaxEstimated = faults.Number("MaxEstimated", c.MaxEstimated, 1, 1024, 16)
	leak("BruteForce", &c.BruteForce, 5)
	window("CredentialStuffing", &c.CredentialStuffing, 5, 5*time.Minute)
	window("DistributedGuessing", &c.DistributedGuessing, 10, time.Hour)
	e := &c.Enumeration
	e.Threshold = faults.Number("Enumeration.Threshold", e.Threshold, 2, maxThreshold, 10)
	e.Run = faults.Number("Enumeration.Run", e.Run, 3, 100, 6)
	e.Window = faults.Span("Enumeration.Window", e.Window, time.Second, 24*time.Hour, 5*time.Minute)
	leak("Probing", &c.Probing, 10)
	window("SuccessAfterFailures", &c.SuccessAfterFailures, 3, time.Hour)
	if c.BruteForce.InsecureOff && c.CredentialStuffing.InsecureOff && c.DistributedGuessing.InsecureOff && e.InsecureOff &&
		c.Probing.InsecureOff && c.SuccessAfterFailures.InsecureOff {
		faults.Add("", "", "has every rule switched off; leave the Detector out of Observers")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return newDetector(c, key), nil
}

const (
	minKeyBytes  = 32
	maxThreshold = 64
)
