// Package plane runs the media streams of all calls: sockets, port pools, packet loops.
//
// A stream has a pair of ports, RTP and RTCP, on each of its two legs. What becomes of a packet is decided by media/relay;
// this package moves packets and time into that engine. On Linux one loop per core owns the sockets of its streams: level-
// triggered epoll, rounds of packets that are received, decided and sent together, connected sends while the peer stays where it is,
// at most 1 ms of coalescing under load. Elsewhere goroutines on net.UDPConn do the same behind the same interface.
//
// [Plane.Open], [Stream.Set] and [Stream.Close] may be called from any goroutine and do not wait for the loop; [Stream.Stats]
// waits for it. None of them may be called from [Config].Notify.
package plane
