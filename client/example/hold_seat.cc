// Holds one seat of a feature for some seconds, as an application does while
// it runs: quorate-example-hold FEATURE [SECONDS].
//
// Reaches the cluster by QUORATE_ENDPOINTS, QUORATE_CA, QUORATE_CERT and
// QUORATE_KEY. Exit 0: held to the end; 1: no cluster, or the seat was lost;
// 6: no seat is free.

#include <cstdlib>
#include <iostream>

#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"
#include "client/error.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: quorate-example-hold FEATURE [SECONDS]\n";
    return 2;
  }
  auto options = quorate::ClientOptions::FromEnvironment();
  if (!options.ok()) {
    std::cerr << options.status().message() << "\n";
    return 1;
  }
  auto client = quorate::Client::Create(*options);
  if (!client.ok()) {
    std::cerr << client.status().message() << "\n";
    return 1;
  }

  // One session for the program. The callback says that the seats are lost.
  quorate::Mutex mutex;
  quorate::CondVar lost;
  auto session = (*client)->OpenSession(
      {.application = "example", .version = "1.0", .on_lost = [&](auto reason) {
         std::cerr << "seat lost: " << quorate::Describe(reason) << "\n";
         lost.NotifyAll();
       }});
  if (!session.ok()) {
    std::cerr << session.status().message() << "\n";
    return 1;
  }

  auto seat = (*session)->Checkout(argv[1]);
  if (quorate::ReasonOf(seat.status()) ==
      quorate::ErrorReason::kPoolExhausted) {
    std::cerr << "all seats are out: " << seat.status().message() << "\n";
    return 6;
  }
  if (!seat.ok()) {
    std::cerr << seat.status().message() << "\n";
    return 1;
  }
  std::cout << "holding seat " << seat->handle() << " of " << seat->feature()
            << std::endl;

  // The work of the application, which looks at its seat now and then.
  const quorate::Clock& clock = quorate::SystemClock();
  const absl::Duration end =
      clock.SinceBoot() + absl::Seconds(argc > 2 ? std::atoi(argv[2]) : 0);
  while (seat->IsValid() && clock.SinceBoot() < end) {
    quorate::MutexLock lock(&mutex);
    lost.WaitFor(&mutex, absl::Milliseconds(100));
  }
  if (!seat->IsValid()) return 1;

  const absl::Status returned = seat->Return();
  std::cout << (returned.ok() ? "returned" : returned.ToString()) << "\n";
  return returned.ok() ? 0 : 1;
}
