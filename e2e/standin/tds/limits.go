package tds

import "time"

// What a client can make the server hold or wait for. Everything is taken in
// as it arrives: a length that a client states is never allocated in advance.
const (
	// maxPreloginBytes, maxLoginBytes and maxTokenBytes bound the messages of
	// the sign-on (LOGIN7: MS-TDS 2.2.6.4, 128 KiB less one).
	maxPreloginBytes = 8 << 10
	maxLoginBytes    = 128<<10 - 1
	maxTokenBytes    = 64<<10 - 1
	// maxHandshakeBytes bounds what a TLS handshake inside TDS may take.
	maxHandshakeBytes = 256 << 10
	// maxRequestBytes bounds a batch or a call with all its parameters.
	maxRequestBytes = 16 << 20
	// maxParams is SQL Server's own limit of the parameters of a call.
	maxParams = 2100
	// maxColumns is SQL Server's own limit of the columns of a SELECT.
	maxColumns = 4096
	// maxPrepared and maxPreparedBytes bound the statements that a connection
	// keeps prepared.
	maxPrepared      = 1000
	maxPreparedBytes = 32 << 20
	// maxQueued bounds the messages that wait while one is being answered.
	// A client that keeps to the protocol has at most two: an Attention that
	// crossed the end of an answer, and the request after it.
	maxQueued = 4
	// signOnTime is how long a client may take until it has signed on.
	signOnTime = 30 * time.Second
)

// Packet sizes (MS-TDS 2.2.3.1.4 and 2.2.6.4).
const (
	headerBytes       = 8
	minPacket         = 512
	defaultPacket     = 4096
	maxPacket         = 32767
	maxPacketWithTLS  = 16383
	handshakePacket   = minPacket // any client reads packets of this size
	maxIdentifierName = 128
)
