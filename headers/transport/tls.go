package transport

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"time"
)

// sessionLifetime is how long a TLS session may be resumed. Go's own bound is
// seven days, RFC 8446 section 4.6.1 allows as much; whoever steals the ticket
// keys reads TLS 1.2 sessions for that long.
const sessionLifetime = 24 * time.Hour

// TLS returns a configuration for servers:
//
//   - TLS 1.2 and TLS 1.3 only;
//   - for TLS 1.2 the suites ECDHE-ECDSA-AES128-GCM-SHA256 and
//     ECDHE-RSA-AES128-GCM-SHA256, so that every connection is forward secret
//     and none uses CBC (those of TLS 1.3 are fixed, and all good);
//   - key exchange by X25519MLKEM768, which a later quantum computer does not
//     undo, then X25519, P-256 and P-384;
//   - sessions resumed for one day after the full handshake; sessions with a
//     client certificate never, so that each connection has its certificate
//     verified.
//
// A ticket of TLS 1.3 says that it is good for seven days (604800 seconds), and
// scanners report that number. It is a hint that crypto/tls writes; a session
// that is older than a day is not resumed, whatever its ticket says.
//
// It is without a certificate: set Certificates or GetCertificate. Each call
// returns a configuration of its own. Session tickets are made with the keys of
// that very value, also where it has been cloned: call SetSessionTicketKeys on
// it, and not on a clone, to share keys between processes.
func TLS() *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		MaxVersion: tls.VersionTLS13,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
	}
	sessions := sessions{config}
	config.WrapSession = sessions.wrap
	config.UnwrapSession = sessions.unwrap
	return config
}

// sessions makes session tickets that carry the time of their full handshake.
type sessions struct{ config *tls.Config }

// stampID begins our entry among those of others in SessionState.Extra.
var stampID = []byte("bulwark/transport 1 ")

// wrap stamps a session and makes a ticket of it.
func (s sessions) wrap(cs tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	born := s.born(cs, session)
	session.Extra = append(session.Extra, binary.BigEndian.AppendUint64(bytes.Clone(stampID), uint64(born)))
	return s.config.EncryptTicket(cs, session)
}

// unwrap returns the session of a ticket, or nil, for a full handshake, where
// the ticket is not ours, has no stamp, or is too old.
func (s sessions) unwrap(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	session, err := s.config.DecryptTicket(ticket, cs)
	if session == nil || err != nil {
		return nil, err
	}
	for _, extra := range session.Extra {
		stamp, ok := bytes.CutPrefix(extra, stampID)
		if !ok || len(stamp) != 8 {
			continue
		}
		born := time.Unix(int64(binary.BigEndian.Uint64(stamp)), 0)
		if age := s.now().Sub(born); age < -clockSkew || age >= sessionLifetime {
			return nil, nil
		}
		return session, nil
	}
	return nil, nil
}

// clockSkew is how far the clocks of processes that share ticket keys may
// differ.
const clockSkew = time.Minute

// born returns when the secret of a session was agreed upon, in Unix seconds,
// or 0 for a session that is not to be resumed.
//
// In TLS 1.3 that is now: resumption runs a key exchange of its own. In TLS 1.2
// each resumption puts the old master secret into a new ticket, and a stamp of
// now would renew it forever. crypto/tls keeps the time of the full handshake
// in the session (bytes 5 to 12 of its encoding) and bounds it by seven days.
// Should another Go encode it elsewhere, what is found there is not likely to
// be a time within them; then the ticket is stamped as old, and never resumed.
func (s sessions) born(cs tls.ConnectionState, session *tls.SessionState) int64 {
	now := s.now()
	if len(cs.PeerCertificates) > 0 {
		// VerifyPeerCertificate does not run on a resumption, and these keys
		// are those of every clone: a ticket from a listener that asks for any
		// certificate would pass a listener that checks them.
		return 0
	}
	if cs.Version >= tls.VersionTLS13 || !cs.DidResume {
		return now.Unix()
	}
	encoded, err := session.Bytes()
	if err != nil || len(encoded) < 13 {
		return 0
	}
	born := int64(binary.BigEndian.Uint64(encoded[5:13]))
	if born > now.Add(clockSkew).Unix() || born < now.Add(-sessionLifetime).Unix() {
		return 0
	}
	return born
}

func (s sessions) now() time.Time {
	if s.config.Time != nil {
		return s.config.Time()
	}
	return time.Now()
}
