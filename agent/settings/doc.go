// Package settings holds what a school can set for the agent: which MIS is read
// and where, how the collector is reached, when a sync is expected. It
// guarantees that settings which cannot work are refused before anything is
// opened, with what to change.
//
// It opens nothing but the site file (MIS.Site), makes nothing and reads no
// environment by itself. Nothing
// here says who is asked or what may leave: that comes from the enrolment code
// and from the yes given at the school. Every setting stands, explained, in
// configs/agent.yaml.
//
// Start reading at Settings, then Load.
package settings
