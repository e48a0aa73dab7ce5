// Package overview says what is known of each school at one moment, and what that means:
// the verdict of shared/status on each session of the day, and in words what an agent
// reports and what a safety stop holds.
//
// It guarantees that everybody who looks at the same moment sees the same: the portal's
// pages and the operator's `status` are both made of it. It holds counts, and nothing
// about one child. It never writes, and knows nothing of pages.
//
// Start reading at Read. holdwords.go explains safety stops, problemwords.go what agents
// report.
package overview
