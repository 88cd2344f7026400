// Package trail makes a log tamper-evident: a change of what has been written
// shows when the log is verified.
//
// # Threat
//
// An attacker who has broken into a server reads its log and takes the traces
// of the attack out: one line less, one address changed. Someone with access to
// the archive does the same months later. The log still looks like a log.
//
// # Defence
//
// A [Writer] stands between the log handler and the file. It does not change
// the lines:
//
//	file, err := os.OpenFile("audit.log", os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
//	// check err
//	log, report, err := trail.Open(file, trail.Config{
//		Origin:       "api.example.com/audit",
//		Signer:       key, // an ed25519.PrivateKey, from your secrets
//		OnCheckpoint: send, // to another machine
//	})
//	// check err, and look at report
//	audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(log, nil)}}
//
// The Writer hashes each line into a Merkle tree (RFC 6962). After every
// thousand lines, or after ten seconds, it writes a checkpoint into the log:
// the number of lines and the root of the tree, signed with Ed25519, as a
// signed note of C2SP. A checkpoint's own line is hashed as every other line.
// To verify a log:
//
//	go run github.com/bulwark-go/bulwark/audit/trail/cmd/trailverify -key KEY audit.log
//
// The program says "ok", or which line was edited, removed, inserted or put in
// another place. [Verifier.Verify] does the same in a program. The key is
// public: [VerifierKey] writes it.
//
// Files may be rotated with [Writer.Rotate]. The next file begins with a
// checkpoint, so that all files can be verified together, and a later file
// alone with [Verifier.VerifyNext]. After a crash, [Open] goes on from the last
// checkpoint.
//
// The hashes cost about twice the SHA-256 of a line, and nothing is allocated
// between checkpoints. A checkpoint holds four bytes for each line, by which
// [Verifier.Verify] finds the line that was changed.
//
// # Not covered
//
//   - The key. Anybody who has the key can write another log. Keep the key in a
//     device, or send the checkpoints to another machine.
//   - The end of the log. A log that was cut off behind an earlier checkpoint
//     is in order. A later checkpoint that was kept on another machine shows
//     the cut: see [Config.OnCheckpoint], and the flag -known of trailverify.
//   - The lines behind the last checkpoint. [Report] has their number.
//   - What was never written. A record that the program dropped leaves an
//     audit_gap record: see package audit.
//   - Who may read the log.
//
// # Errors
//
// [New] and [Open] return every mistake of the [Config] at once, each as a
// *[bulwark.ConfigError]. Write returns the error of the log below. If a
// checkpoint cannot be written or signed, the Write or the Checkpoint that
// tried it returns the error, and the record itself is written. The Writer
// tries again: with the next Write if MaxUnsigned lines wait, and after the
// next Interval. [Writer.Stats] counts the attempts that failed.
// [ErrLikeCheckpoint] is a line that begins as a checkpoint does, and is not
// written. Verify returns a *[Fault].
//
// The Examples show a log that is written, verified and tampered with, and the
// audit layer that writes into it.
package trail
