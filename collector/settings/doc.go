// Package settings holds what an operator can set for the collector: where its
// data, keys and database are, and where each role listens. It guarantees that
// settings which cannot work together are refused before anything is opened,
// with what to change.
//
// It opens nothing, makes nothing and reads no environment by itself. Every
// setting stands, explained, in configs/collector.yaml.
//
// Start reading at Settings, then Load.
package settings
