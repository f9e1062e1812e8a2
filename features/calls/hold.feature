@calls
Feature: Hold and resume across the legs
  Spec 2.6. Who holds is answered at once; the other leg is told by a re-INVITE, and its answer goes no further. Directions in the tables
  are b2bua's: sendonly means that the phone is held by the other side.

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

    @2.6.1 @2.6.2
    Scenario Outline: <name> holds with <how> and resumes
      When <name> sends a re-INVITE with the offer audio <how>
      Then <name>'s re-INVITE is answered 200 with SDP
      And the answer to <name>'s request is
        | stream | enabled | direction |
        | audio  | yes     | <answer>  |
      And <other> gets a re-INVITE
      And the offer in <other>'s re-INVITE is
        | stream | enabled | direction |
        | audio  | yes     | sendonly  |
      When <other> answers the re-INVITE 200
      And <name> sends a re-INVITE with the offer audio sendrecv
      Then <name>'s re-INVITE is answered 200 with SDP
      And the answer to <name>'s request is
        | stream | direction |
        | audio  | sendrecv  |
      And <other> gets a re-INVITE
      And the offer in <other>'s re-INVITE is
        | stream | direction |
        | audio  | sendrecv  |
      When <other> answers the re-INVITE 200
      Then alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      And b2bua's descriptions for alice are versions of one session
      And b2bua's descriptions for bob are versions of one session
      And <name> got no re-INVITE
      When <name> hangs up
      Then <other>'s call is released

      Examples:
        | name  | other | how      | answer   |
        | alice | bob   | sendonly | recvonly |
        | bob   | alice | sendonly | recvonly |
        | bob   | alice | inactive | inactive |

    @S-CALL-9
    Scenario: hold with a=inactive
      When alice sends a re-INVITE with the offer audio inactive
      Then alice's re-INVITE is answered 200 with SDP
      And the answer to alice's request is
        | stream | direction |
        | audio  | inactive  |
      And bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | direction |
        | audio  | sendonly  |
      When bob answers the re-INVITE 200 recvonly
      And bob hangs up
      Then alice's call is released
      And alice got no re-INVITE

    @S-CALL-10
    Scenario: hold answered with a=inactive
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200 with SDP
      And the answer to alice's request is
        | stream | direction |
        | audio  | recvonly  |
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200 inactive
      And bob hangs up
      Then alice's call is released
      And alice got no re-INVITE

    @2.6.1
    Scenario: who is held hears the music and is not heard
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200 with SDP
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then alice receives nothing while bob's media port receives 20 more packets

    @2.6.1
    Scenario: the hold of RFC 2543, by a connection address of 0.0.0.0
      When bob sends a re-INVITE with the offer literally v=0\no=bob 1 2 IN IP4 {{bob.ip}}\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 41000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n
      Then bob's re-INVITE is answered 200 with SDP
      And the answer to bob's request is
        | stream | enabled | direction |
        | audio  | yes     | recvonly  |
      And alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | enabled | direction |
        | audio  | yes     | sendonly  |
      When alice answers the re-INVITE 200
      And bob sends a re-INVITE
      Then bob's re-INVITE is answered 200 with SDP
      And alice gets a re-INVITE
      When alice answers the re-INVITE 200
      Then alice's media port receives 20 more packets
      And bob's media port receives 20 more packets

    @2.6.1
    Scenario: hold and resume by UPDATE
      When alice sends an UPDATE with the offer audio sendonly
      Then alice's UPDATE is answered 200 with SDP
      And the answer to alice's request is
        | stream | direction |
        | audio  | recvonly  |
      And bob gets a re-INVITE
      And the offer in bob's re-INVITE is
        | stream | direction |
        | audio  | sendonly  |
      When bob answers the re-INVITE 200
      And alice sends an UPDATE with the offer audio
      Then alice's UPDATE is answered 200 with SDP
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200
      Then bob's media port receives 20 more packets

    @2.6.2
    Scenario: a resume that is not sendrecv leaves the other leg alone
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200
      And alice sends a re-INVITE with the offer audio recvonly
      Then alice's re-INVITE is answered 200
      And the answer to alice's request is
        | stream | direction |
        | audio  | sendonly  |
      When alice hangs up
      Then bob's call is released
      And bob got 1 re-INVITE in all

    @2.6.1
    Scenario: the other leg refuses to be held: the call goes on
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200
      And bob gets a re-INVITE
      When bob answers the re-INVITE 488
      And alice sends a re-INVITE with the offer audio sendrecv
      Then alice's re-INVITE is answered 200
      And alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      When bob hangs up
      Then alice's call is released
      And bob got 1 re-INVITE in all

    @2.6.1 @2.5
    Scenario: both hold at the same moment
      When alice sends a re-INVITE with the offer audio sendonly
      Then bob gets a re-INVITE
      When bob sends a re-INVITE with the offer audio sendonly
      Then bob's re-INVITE is answered 491
      When bob answers the re-INVITE 491
      Then alice's re-INVITE is answered 200
      When bob sends a re-INVITE with the offer audio sendonly
      Then bob's re-INVITE is answered 200
      And the answer to bob's request is
        | stream | direction |
        | audio  | inactive  |
      And alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | direction |
        | audio  | inactive  |
      When alice answers the re-INVITE 200
      And bob hangs up
      Then alice's call is released

    @S-CALL-11
    Scenario Outline: release by <who> while both hold
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200 recvonly
      And bob sends a re-INVITE with the offer audio inactive
      Then bob's re-INVITE is answered 200
      And the answer to bob's request is
        | stream | direction |
        | audio  | inactive  |
      And alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | direction |
        | audio  | inactive  |
      When alice answers the re-INVITE 200 inactive
      And <who> hangs up
      Then <other>'s call is released

      Examples:
        | who   | other |
        | alice | bob   |
        | bob   | alice |

    @S-CALL-12
    Scenario Outline: resume while both hold, by <first>; bob answers holds with <held>
      When alice sends a re-INVITE with the offer audio sendonly
      Then alice's re-INVITE is answered 200
      And bob gets a re-INVITE
      When bob answers the re-INVITE 200 <held>
      And bob sends a re-INVITE with the offer audio inactive
      Then bob's re-INVITE is answered 200
      And alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | direction |
        | audio  | inactive  |
      When alice answers the re-INVITE 200 inactive
      And <first> sends a re-INVITE with the offer audio sendrecv
      Then <first>'s re-INVITE is answered 200
      And the answer to <first>'s request is
        | stream | direction |
        | audio  | sendonly  |
      And <second> gets a re-INVITE
      And the offer in <second>'s re-INVITE is
        | stream | direction |
        | audio  | sendrecv  |
      When <second> answers the re-INVITE 200 <holds>
      And <second> sends a re-INVITE with the offer audio sendrecv
      Then <second>'s re-INVITE is answered 200
      And the answer to <second>'s request is
        | stream | direction |
        | audio  | sendrecv  |
      And <first> gets a re-INVITE
      And the offer in <first>'s re-INVITE is
        | stream | direction |
        | audio  | sendrecv  |
      When <first> answers the re-INVITE 200
      Then alice's media port receives 20 more packets
      And bob's media port receives 20 more packets
      When bob hangs up
      Then alice's call is released

      Examples:
        | first | second | held     | holds    |
        | alice | bob    | inactive | inactive |
        | alice | bob    | recvonly | sendonly |
        | bob   | alice  | inactive | sendonly |
        | bob   | alice  | recvonly | sendonly |

  Rule: a gateway answers on hold

    @2.4.6
    Scenario Outline: leg B answers <direction> and takes the call afterwards
      Given b2bua runs between alice and bob
      When alice invites bob
      Then bob is invited
      When bob accepts with the answer
        """
        v=0
        o=wire 1 1 IN IP4 {{bob.ip}}
        s=-
        c=IN IP4 {{bob.ip}}
        t=0 0
        m=audio 41000 RTP/AVP 0 8 101
        a=rtpmap:101 telephone-event/8000
        a=<direction>
        """
      Then the call between alice and bob is up
      And the answer to alice is
        | stream | enabled | direction   |
        | audio  | yes     | <direction> |
      When bob sends a re-INVITE with the offer audio sendrecv
      Then bob's re-INVITE is answered 200
      And the answer to bob's request is
        | stream | direction |
        | audio  | sendrecv  |
      And alice gets a re-INVITE
      And the offer in alice's re-INVITE is
        | stream | direction |
        | audio  | sendrecv  |
      When alice answers the re-INVITE 200
      And bob hangs up
      Then alice's call is released
      And alice got 1 re-INVITE in all

      Examples:
        | direction |
        | sendonly  |
        | inactive  |

  Rule: with phones that carry media

    @S-CALL-4
    Scenario Outline: hold then resume by the caller, <what>, <leg B> on leg B
      Given the settings
        | setting                                       | value                  |
        | b2bua-server::trenscrypter/outgoing-enc-regex | <leg B> sip:pauline@.* |
      And b2bua runs behind the proxy of sip.example.org
      And the softphones
        | name    | encryption | audio   | video   |
        | marie   | none       | <audio> | <video> |
        | pauline | <leg B>    | <audio> | <video> |
      When marie calls pauline
      Then pauline's phone rings
      When pauline picks up
      Then marie and pauline are in the call
      And <exchange>
      When marie puts the call on hold
      Then marie's <kind> is sendonly
      And pauline's <kind> is recvonly
      When marie resumes the call
      Then marie's <kind> is sendrecv
      And pauline's <kind> is sendrecv
      And marie receives 20 more packets of <kind>
      And pauline receives 20 more packets of <kind>
      And <exchange>
      And marie's phone was asked 0 times to change the call
      And pauline's phone was asked 2 times to change the call
      When pauline ends the call
      Then marie is free again

      Examples:
        | what            | audio     | video     | kind  | exchange                         | leg B |
        | audio           | PCMU/8000 | none      | audio | marie and pauline hear each other | none  |
        | audio           | PCMU/8000 | none      | audio | marie and pauline hear each other | sdes  |
        | audio and video | PCMU/8000 | VP8/90000 | video | marie and pauline see each other  | none  |
        | audio and video | PCMU/8000 | VP8/90000 | video | marie and pauline see each other  | sdes  |
        | video           | none      | VP8/90000 | video | marie and pauline see each other  | none  |

    @2.6.3
    Scenario: both hold and resume
      Given b2bua runs behind the proxy of sip.example.org
      And the softphones
        | name    |
        | marie   |
        | pauline |
      When marie calls pauline
      Then pauline's phone rings
      When pauline picks up
      Then marie and pauline are in the call
      When marie puts the call on hold
      Then pauline's audio is recvonly
      When pauline puts the call on hold
      Then pauline's audio is inactive
      And marie's audio is inactive
      When marie resumes the call
      Then marie's audio is recvonly
      And pauline's audio is sendonly
      When pauline resumes the call
      Then pauline's audio is sendrecv
      And marie's audio is sendrecv
      And marie receives 20 more packets of audio
      And pauline receives 20 more packets of audio
      And marie and pauline hear each other
