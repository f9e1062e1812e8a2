@calls
Feature: Streams that come and go during a call
  Spec 2.5. An offer that adds or removes a stream is answered once the other leg has followed it, with what that one accepted.

  Rule: by hand

    Background:
      Given b2bua runs between alice and bob
      And alice has a media port
      And bob has a media port
      When alice invites bob
      Then bob is invited
      When bob accepts
      Then the call between alice and bob is up
      When alice plays 400 Hz
      And bob plays 1000 Hz
      Then bob hears 400 Hz
      And alice hears 1000 Hz

    Scenario Outline: <name> adds video and removes it again, by <method>
      When <name> sends <method> with the offer audio, video
      Then <other> gets a re-INVITE
      And the offer in <other>'s re-INVITE is
        | stream | enabled | encryption | codecs                                    | direction |
        | audio  | yes     | none       | PCMU/8000, PCMA/8000, telephone-event/8000 | sendrecv |
        | video  | yes     | none       | VP8/90000                                 | sendrecv  |
      When <other> answers the re-INVITE 200
      Then <name>'s <request> is answered 200 with SDP
      And the answer to <name>'s request is
        | stream | enabled | direction |
        | audio  | yes     | sendrecv  |
        | video  | yes     | sendrecv  |
      And b2bua has 8 media ports open
      When <name> sends <method> with the offer audio, video off
      Then <other> gets a re-INVITE
      And the offer in <other>'s re-INVITE is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      When <other> answers the re-INVITE 200
      Then <name>'s <request> is answered 200 with SDP
      And the answer to <name>'s request is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      And b2bua has 4 media ports open
      And b2bua's descriptions for alice are versions of one session
      And b2bua's descriptions for bob are versions of one session
      And alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      When <other> hangs up
      Then <name>'s call is released

      Examples:
        | name  | other | method      | request   |
        | alice | bob   | a re-INVITE | re-INVITE |
        | bob   | alice | a re-INVITE | re-INVITE |
        | bob   | alice | an UPDATE   | UPDATE    |

    Scenario: the section of a stream that was removed is used again, by the other side
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      When bob sends a re-INVITE with the offer audio, video off
      Then alice gets a re-INVITE
      When alice answers the re-INVITE 200
      Then bob's re-INVITE is answered 200
      When bob sends a re-INVITE with the offer audio, video
      Then alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |
      When alice answers the re-INVITE 200
      Then bob's re-INVITE is answered 200
      And the answer to bob's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |
      And b2bua has 8 media ports open

    Scenario Outline: <other> refuses the video of <name> by <how>: the call goes on without
      When <name> sends a re-INVITE with the offer audio, video
      Then <other> gets a re-INVITE
      When <other> answers the re-INVITE <how>
      Then <name>'s re-INVITE is answered 200 with SDP
      And the answer to <name>'s request is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      And b2bua has 4 media ports open
      And alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      And <name>'s call is still up
      When <name> hangs up
      Then <other>'s call is released

      Examples:
        | name  | other | how               |
        | alice | bob   | 200 without video |
        | bob   | alice | 200 without video |
        | alice | bob   | 488               |
        | bob   | alice | 603               |

    Scenario: the other leg does not give the video up: who removed it is rid of it
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      When alice sends a re-INVITE with the offer audio, video off
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 500
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      And alice's media port receives 20 more packets

    Scenario Outline: a leg to whose side the call is gone ends it, by <status>
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE <status>
      Then alice's re-INVITE is answered 487
      And alice's call is released
      And bob's call is released
      And b2bua has 0 media ports open

      Examples:
        | status |
        | 408    |
        | 481    |

    Scenario: both add video at the same moment
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob sends a re-INVITE with the offer audio, video
      Then bob's re-INVITE is answered 491
      When bob answers the re-INVITE 491
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |

    Scenario: a second offer before the first is answered is too soon
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When alice sends an UPDATE with the offer audio
      Then alice's UPDATE is answered 500
      When bob sends an UPDATE with the offer audio
      Then bob's UPDATE is answered 491
      When bob answers the re-INVITE 200
      Then alice's call is still up

    Scenario: a re-INVITE that is cancelled leaves the call as it was
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When alice cancels the re-INVITE
      Then alice's re-INVITE is answered 487
      When bob answers the re-INVITE 487
      Then b2bua has 4 media ports open
      And alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And b2bua has 8 media ports open

    Scenario: the other leg took the video although the re-INVITE was cancelled: it is taken back
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When alice cancels the re-INVITE
      Then alice's re-INVITE is answered 487
      When bob answers the re-INVITE 200
      Then bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      When bob answers the re-INVITE 200
      Then b2bua has 4 media ports open
      And alice got no re-INVITE

    Scenario Outline: <who> hangs up before the answer
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When <who> hangs up
      Then alice's re-INVITE is answered 487
      And <other>'s call is released
      When bob answers the re-INVITE 487
      Then b2bua has 0 media ports open

      Examples:
        | who   | other |
        | alice | bob   |
        | bob   | alice |

    Scenario: what is not carried stays refused, and the other leg hears nothing of it
      When alice sends a re-INVITE with the offer audio, application
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream      | enabled |
        | audio       | yes     |
        | application | no      |
      When alice sends a re-INVITE with the offer audio, application
      Then alice's re-INVITE is answered 200
      And bob got no re-INVITE
      When alice sends a re-INVITE with the offer audio, application, video
      Then bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream      | enabled |
        | audio       | yes     |
        | application | no      |
        | video       | yes     |
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream      | enabled |
        | audio       | yes     |
        | application | no      |
        | video       | yes     |
      And b2bua's descriptions for alice are versions of one session
      And b2bua's descriptions for bob are versions of one session

    Scenario: audio removed, and offered again without being asked
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      When alice sends a re-INVITE with the offer audio off, video
      Then bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | enabled |
        | audio  | no      |
        | video  | yes     |
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And b2bua has 4 media ports open
      When bob sends a re-INVITE with the offer audio, video
      Then alice gets a re-INVITE
      When alice answers the re-INVITE 200
      Then bob's re-INVITE is answered 200
      And the answer to bob's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |
      And b2bua has 8 media ports open

    Scenario: a re-INVITE without an offer, whose ACK takes less: the other leg is told
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      When alice refuses video from now on
      And alice sends a re-INVITE without an offer
      Then alice's re-INVITE is answered 200 with SDP
      And the answer to alice's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |
      And bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      When bob answers the re-INVITE 200
      Then b2bua has 4 media ports open
      And alice's media port receives 20 more packets

  Rule: each leg keeps its encryption

    Background:
      Given the settings
        | setting                                       | value              |
        | b2bua-server::trenscrypter/outgoing-enc-regex | sdes sip:bob@.*    |
        | b2bua-server::trenscrypter/outgoing-srtp-regex | AES_256_CM_HMAC_SHA1_80 sip:bob@.* |
      And b2bua runs between alice and bob
      When alice invites bob
      Then bob is invited
      When bob accepts
      Then the call between alice and bob is up

    Scenario: the new stream is encrypted as its leg
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | enabled | encryption | suites                  |
        | audio  | yes     | sdes       | AES_256_CM_HMAC_SHA1_80 |
        | video  | yes     | sdes       | AES_256_CM_HMAC_SHA1_80 |
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled | encryption |
        | audio  | yes     | none       |
        | video  | yes     | none       |

    Scenario: plain video on an encrypted leg is refused
      When bob sends a re-INVITE with the offer audio sdes AES_256_CM_HMAC_SHA1_80, video
      Then bob's re-INVITE is answered 488
      And alice got no re-INVITE
      And bob's call is still up

    Scenario: an answer in clear is not taken: bob is asked back to the session that runs, and the call goes on
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200 in clear
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled | encryption |
        | audio  | yes     | none       |
        | video  | no      |            |
      And bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | enabled | encryption | suites                  |
        | audio  | yes     | sdes       | AES_256_CM_HMAC_SHA1_80 |
        | video  | no      |            |                         |
      When bob answers the re-INVITE 200
      Then b2bua has 4 media ports open
      And b2bua's descriptions for bob are versions of one session
      And b2bua logs a warning /its answer to a re-INVITE cannot be used.*dropped the encryption.*asked back/
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | yes     |

    Scenario Outline: who does not come back from an answer in clear (<how>) is released
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      When bob answers the re-INVITE 200 in clear
      Then alice's re-INVITE is answered 200
      And bob gets a re-INVITE
      When bob answers the re-INVITE <how>
      Then alice's call is released
      And bob's call is released
      And b2bua logs a message /does not come back to the session that it had/

      Examples:
        | how          |
        | 200 in clear |
        | 500          |

  Rule: a leg that answers nothing at all is gone (RFC 3261 section 12.2.1.2)

    Scenario: bob does not answer the re-INVITE
      Given b2bua runs between alice and bob with
        | setting          | value |
        | b2bua::timers/t1 | 100ms |
      When alice invites bob
      Then bob is invited
      When bob accepts
      Then the call between alice and bob is up
      When alice sends a re-INVITE with the offer audio, video
      Then bob gets a re-INVITE
      And alice's call is released
      And bob's call is released
      And b2bua logs a message /leg B did not answer a re-INVITE/

  Rule: ports are bounded

    Scenario: no ports for the new stream: it is refused, nobody is asked, and the call goes on
      Given the error line /video-port=20100-20101/ is expected
      And the settings
        | setting                 | value       |
        | b2bua-server/video-port | 20100-20101 |
      And b2bua runs between alice and bob
      When alice invites bob
      Then bob is invited
      When bob accepts
      Then the call between alice and bob is up
      When alice sends a re-INVITE with the offer audio, video
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | enabled |
        | audio  | yes     |
        | video  | no      |
      And bob got no re-INVITE
      And b2bua has 4 media ports open
      When bob hangs up
      Then alice's call is released

  Rule: with phones that carry media

    Scenario Outline: <who> adds video and switches it off, <leg A> to <leg B>
      Given the settings
        | setting                                       | value                  |
        | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
      And b2bua runs behind the proxy of sip.example.org
      And the softphones
        | name    | encryption | video     |
        | marie   | <leg A>    | <marie>   |
        | pauline | <leg B>    | <pauline> |
      When marie calls pauline
      Then pauline's phone rings
      When pauline picks up without video
      Then marie and pauline are in the call
      And marie and pauline hear each other
      And marie's call has no video
      When <other> is ready for video
      And <who> adds video
      Then marie's video is sendrecv
      And pauline's video is sendrecv
      And marie and pauline see each other
      And marie's video uses <leg A>
      And pauline's video uses <leg B>
      And marie receives 20 more packets of audio
      And pauline receives 20 more packets of audio
      When <other> switches video off
      Then marie's video is off
      And pauline's video is off
      And marie receives 20 more packets of audio
      When <who> adds video
      Then marie's video is off
      When <other> is ready for video
      And <who> adds video
      Then marie and pauline see each other
      When marie ends the call
      Then pauline is free again

      Examples:
        | who     | other   | leg A | leg B | marie | pauline   |
        | marie   | pauline | none  | none  | none  | none      |
        | pauline | marie   | none  | sdes  | none  | none      |
        | marie   | pauline | sdes  | none  | none  | none      |
        | marie   | pauline | sdes  | sdes  | none  | VP8/90000 |
        | marie   | pauline | none  | dtls-srtp | none | none   |
        | pauline | marie   | dtls-srtp | sdes  | none | none   |
        | pauline | marie   | dtls-srtp | dtls-srtp | none | none |
