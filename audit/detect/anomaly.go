package detect

import (
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A Rule is the name of a rule.
type Rule string

// The rules. The field of [Config] that has the same name sets the threshold.
const (
	BruteForce           Rule = "brute_force"
	CredentialStuffing   Rule = "credential_stuffing"
	DistributedGuessing  Rule = "distributed_guessing"
	Enumeration          Rule = "enumeration"
	Probing              Rule = "probing"
	SuccessAfterFailures Rule = "success_after_failures"
)

// An Anomaly is access that is unusual by a rule. It is reported once for each
// actor, rule and window. The actor is the address, the account, or the caller
// with a route.
type Anomaly struct {
	// Rule is the rule whose threshold was reached.
	Rule Rule
	// ClientIP is the address of the request at hand.
	ClientIP netip.Addr
	// Issuer and UserID are the caller of the request at hand. UserID is empty
	// if nobody was identified.
	Issuer, UserID string
	// Account is the pseudonym of the account if the rule counts by account,
	// and otherwise empty. See [Detector.Account].
	Account string
	// Route is the route of the request at hand.
	Route string
	// Seen is the count. In the first anomaly of an actor it is the number that
	// reached the threshold. In a later anomaly of the same actor it is the
	// number of attempts since the anomaly before.
	Seen int
	// Threshold is that of the rule. For ids in a row it is
	// [EnumerationConfig.Run].
	Threshold int
	// Window is that of the rule. If the count of the rule leaks, Window is the
	// time in which the full count leaks away.
	Window time.Duration
	// Estimated is true if the table was full. Then the count contains what
	// forgotten actors have done, and the actor may have done less than the
	// threshold.
	Estimated bool
}

// A report is how a rule is told: its event and reason.
type report struct {
	rule   Rule
	event  bulwark.EventName
	reason string
}

var (
	bruteForce           = report{BruteForce, bulwark.AuthnLoginFailMax, "detect.brute_force"}
	credentialStuffing   = report{CredentialStuffing, bulwark.AuthnCredentialStuffing, "detect.credential_stuffing"}
	distributedGuessing  = report{DistributedGuessing, bulwark.AuthnPasswordSpray, "detect.distributed_guessing"}
	enumeration          = report{Enumeration, bulwark.MaliciousDirectReference, "detect.enumeration"}
	probing              = report{Probing, bulwark.MaliciousExcess404, "detect.probing"}
	successAfterFailures = report{SuccessAfterFailures, bulwark.AuthnLoginSuccessAfterFail, "detect.success_after_failures"}
)
