// Package alert shows that the alerts fire: a real Prometheus scrapes
// examples/documents while hundreds of addresses guess at passwords.
//
// The test takes about four minutes, because the alert of the guide wants two
// minutes of failures. It is skipped if Prometheus is missing. If
// BULWARK_PROMETHEUS is "required", it fails instead:
//
//	apt-get install prometheus
package alert
