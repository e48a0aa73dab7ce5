package intake

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"rollbridge/shared/protocol"
)

// Reasons for plain HTTP errors, beside the Why codes of protocol.Answer.
const (
	reasonForm      = "form"      // not a message
	reasonSize      = "size"      // over a limit
	reasonSignature = "signature" // not signed by its sender
	reasonCut       = "cut"       // the body did not arrive in whole or in time
	reasonPanic     = "panic"     // a fault in this program
	reasonBusy      = "busy"      // too many at once, or not now
)

// What became of posts to the public page.
const (
	stopTaken       = "taken"       // a code is kept for apply
	stopShown       = "shown"       // how it stands
	stopCertificate = "certificate" //
	stopSlip        = "slip"        // not a code
	stopUnknown     = "unknown"     // a code of no agent
	stopBusy        = "busy"        // too many posts
	stopFailed      = "failed"      // the database is away
)

type metrics struct {
	stops    *prometheus.CounterVec
	updates  *prometheus.CounterVec
	received *prometheus.CounterVec
	repeated *prometheus.CounterVec
	refused  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	f := promauto.With(reg)
	m := metrics{
		stops: f.NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_intake_stop_page_total", Help: "What became of posts to the public page on which a school stops.",
		}, []string{"result"}),
		updates: f.NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_intake_updates_total", Help: "What became of requests for files of releases.",
		}, []string{"result"}),
		received: f.NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_intake_received_total", Help: "Messages kept for the first time and given a receipt.",
		}, []string{"message"}),
		repeated: f.NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_intake_repeated_total", Help: "Messages that were kept before and got the same receipt.",
		}, []string{"message"}),
		refused: f.NewCounterVec(prometheus.CounterOpts{
			Name: "rollbridge_intake_refused_total", Help: "Messages that got no receipt, by reason.",
		}, []string{"reason"}),
	}
	for _, result := range []string{stopTaken, stopShown, stopCertificate, stopSlip, stopUnknown, stopBusy, stopFailed} {
		m.stops.WithLabelValues(result)
	}
	for _, result := range []string{fetchServed, fetchUnknown, fetchBusy, fetchFailed} {
		m.updates.WithLabelValues(result)
	}
	for message := range limits {
		m.received.WithLabelValues(string(message))
		m.repeated.WithLabelValues(string(message))
	}
	for _, reason := range []string{
		reasonForm, reasonSize, reasonSignature, reasonCut, reasonPanic, string(protocol.AnswerUnknown), string(protocol.AnswerStaleKey),
		protocol.LaterBusy, protocol.LaterChain, protocol.LaterWait, protocol.LaterRefused, protocol.LaterCounter, protocol.LaterBad, protocol.LaterExpired,
	} {
		m.refused.WithLabelValues(reason)
	}
	return m
}
